"""Whatever is dropped, repeated, mixed up or made up on the way, what is let through is exactly what the exchange has, in order."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_collector.sequence import Answer, Missing, Placed, Sequence


def at(placed):
    return [one.at for one in placed]


def offered(sequence, *positions):
    return [at(sequence.offer(position, f"item {position}")) for position in positions]


def answer(asked, *found, told=None, complete=True):
    told = told or (found[-1] + 1 if found else asked)
    return Answer(asked, [Placed(position, f"item {position}") for position in found], told, complete)


def test_what_is_next_is_let_through_at_once():
    assert offered(Sequence(5), 5, 6, 7) == [[5], [6], [7]]


def test_what_comes_again_is_dropped_and_counted():
    sequence = Sequence(5)
    assert offered(sequence, 5, 5, 7, 7, 4) == [[5], [], [], [], []]
    assert sequence.repeated == 3


def test_what_comes_too_early_waits_for_what_is_before_it():
    sequence = Sequence(5)
    assert offered(sequence, 7, 6) == [[], []]
    assert sequence.missing == Missing(5, 5)
    assert offered(sequence, 5) == [[5, 6, 7]]
    assert sequence.missing is None


def test_an_answer_fills_a_gap_and_frees_what_waits():
    sequence = Sequence(5)
    offered(sequence, 9)
    assert sequence.missing == Missing(5, 8)
    assert at(sequence.answer(answer(5, 5, 6, 7, 8, 9, 10))) == [5, 6, 7, 8, 9, 10]


def test_bars_are_a_step_apart():
    sequence = Sequence(0, step=60)
    offered(sequence, 180)
    assert sequence.missing == Missing(0, 120)


def test_more_than_may_wait_is_dropped_and_asked_for_again():
    sequence = Sequence(0, room=3)
    offered(sequence, 2, 3, 4, 5)
    assert (sequence.waiting, sequence.dropped, sequence.missing) == (0, 4, Missing(0, 5))
    assert at(sequence.answer(answer(0, *range(6)))) == list(range(6))


def test_what_two_answers_running_pass_over_does_not_exist():
    sequence = Sequence(5)
    offered(sequence, 8)
    assert at(sequence.answer(answer(5, 5, 8))) == [5]
    assert at(sequence.answer(answer(6, 8))) == [8]
    assert (sequence.absent, sequence.missing) == (2, None)


def test_what_only_one_answer_passes_over_is_asked_for_again():
    sequence = Sequence(5)
    offered(sequence, 7)
    sequence.answer(answer(5, 7))
    assert at(sequence.answer(answer(5, 5, 6, 7))) == [5, 6, 7]
    assert sequence.absent == 0


def test_an_answer_from_further_on_says_nothing_of_what_is_before_it():
    sequence = Sequence(5)
    offered(sequence, 9)
    for _ in range(3):
        sequence.answer(answer(7, 7, 8, 9, complete=False))
    assert sequence.missing == Missing(5, 6)


def test_a_bar_that_never_was_is_passed_over_once_the_exchange_tells_of_a_later_one():
    sequence = Sequence(0, step=60)
    sequence.reach(60)
    for _ in range(2):
        sequence.answer(Answer(0, [], told=120, complete=True))
    assert (sequence.next, sequence.absent, sequence.missing) == (120, 2, None)


def test_what_the_exchange_never_heard_of_is_forgotten():
    sequence = Sequence(5)
    offered(sequence, 10**18)
    for _ in range(3):
        assert sequence.behind
        sequence.answer(answer(5))
    assert (sequence.missing, sequence.waiting) == (None, 0)
    assert offered(sequence, 5) == [[5]]


def test_trades_that_go_on_do_not_keep_a_made_up_one_alive():
    sequence = Sequence(5)
    offered(sequence, 10**18)
    for position in (5, 6, 7):
        sequence.answer(answer(position, position))
    assert (sequence.missing, sequence.next) == (None, 8)


def test_what_did_not_arrive_is_missing_again():
    sequence = Sequence(5)
    offered(sequence, 5, 6, 7)
    sequence.rewind(6)
    assert sequence.missing == Missing(6, 7)
    assert at(sequence.answer(answer(6, 6, 7))) == [6, 7]


EVENTS = st.one_of(
    st.tuples(st.just("push"), st.integers(0, 60)),
    st.tuples(st.just("ask"), st.integers(0, 8)),
    st.tuples(st.just("rewind"), st.integers(0, 60)),
    st.tuples(st.just("nonsense"), st.integers(1, 10**15)),
)


@pytest.mark.parametrize("step", [1, 60_000])
@example(holes={0}, events=[("push", 21), ("ask", 0)], room=20, lag=0)
@given(
    holes=st.sets(st.integers(0, 59), max_size=10),
    events=st.lists(EVENTS, max_size=80),
    room=st.integers(20, 40),
    lag=st.integers(0, 3),
)
def test_any_interleaving_ends_with_exactly_the_tape(step, holes, events, room, lag):
    """Pushed messages arrive in any order, any number of times or never; answers lag behind, and hold a page of twenty."""
    tape = [position * step for position in range(61) if position not in holes]
    known, sequence, published = 0, Sequence(0, step, room), []

    def let_through(placed):
        for position, item in placed:
            assert item == position
            published.append(position)

    def ask(until):
        asked = sequence.next
        existing = [position for position in tape if asked <= position < until * step]
        page = existing[:20]
        told = page[-1] + step if page else asked
        let_through(sequence.answer(Answer(asked, [Placed(x, x) for x in page], told, complete=len(page) < 20)))

    for kind, number in events:
        if kind == "push" and number * step in tape:
            known = max(known, number + 1)
            let_through(sequence.offer(number * step, number * step))
        elif kind == "ask":
            ask(known - lag)
        elif kind == "rewind":
            sequence.rewind(number * step)
            published = [position for position in published if position < number * step]
        elif kind == "nonsense":
            sequence.reach((60 + number) * step)
    while sequence.next <= tape[-1]:
        sequence.reach(tape[-1])
        ask(61)
    assert published == tape
