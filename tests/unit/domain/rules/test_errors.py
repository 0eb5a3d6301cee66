import pickle

import pytest

from tidewright.domain.rules.errors import RuleError, suggestion


def test_the_caret_stands_under_the_character():
    error = RuleError("unknown function 'smaa'", "close > smaa(3)", 8)
    assert error.pointed() == "unknown function 'smaa'\n  close > smaa(3)\n          ^"


def test_of_several_lines_the_one_in_question_is_shown_and_a_tab_stays_a_tab():
    text = "close > 1 and\n\tx > 2"
    assert RuleError("unknown name 'x'", text, text.index("x")).pointed() == "unknown name 'x'\n  \tx > 2\n  \t^"


def test_the_message_counts_characters_from_one():
    assert str(RuleError("the rule is empty", "", 0)) == "the rule is empty (character 1)"


def test_it_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(RuleError("message", "text", 2)))  # noqa: S301
    assert (error.message, error.text, error.position) == ("message", "text", 2)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("smaa", " (did you mean 'sma'?)"), ("RSI", " (did you mean 'rsi'?)"), ("xyzzy", "")],
)
def test_the_nearest_known_name_is_suggested(name, hint):
    assert suggestion(name, ["sma", "ema", "rsi"]) == hint
