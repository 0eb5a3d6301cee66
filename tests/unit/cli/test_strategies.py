from tidewright.cli.endings import DONE, REFUSED
from tidewright.domain.strategies.builtin import BUILTINS


def test_all_are_listed_with_every_parameter(command):
    ended = command("strategies")
    assert ended.code == DONE
    for name, strategy in BUILTINS.items():
        assert name in ended.out
        assert all(parameter.name in ended.out for parameter in strategy.parameters)


def test_one_may_be_asked_for(command):
    ended = command("strategies", "MacdCross")
    assert (ended.code, "MacdCross" in ended.out, "AiEnhanced" in ended.out) == (DONE, True, False)


def test_an_unknown_one_is_refused_with_those_there_are(command):
    ended = command("strategies", "MacCross")
    assert (ended.code, "'MacCross' is not one of" in ended.err) == (REFUSED, True)
