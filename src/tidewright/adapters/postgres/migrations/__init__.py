"""The schema's history, in the order of the numbers. A migration that was released is never changed; the next one mends it."""
