"""One module a kind: what should be (pure builders), how it stands (pure status functions), and the reconciliation around them."""
