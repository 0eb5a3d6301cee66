import pytest

from tidewright.domain.rules.errors import RuleError
from tidewright.domain.strategies.constraints import constraint
from tidewright.domain.strategies.strategy import Parameter

PARAMETERS = (
    Parameter("fast", "Int", 10),
    Parameter("slow", "Int", 30),
    Parameter("width", "Float", 2.0),
    Parameter("filtered", "Bool", False),
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fast < slow", "fast (30) must be less than slow (10)"),
        ("2 * fast <= slow + 1", "2 * fast (60) must be at most slow + 1 (11)"),
        ("slow > 15", "slow (10) must be greater than 15"),
        ("width >= 2.5", "width (2) must be at least 2.5"),
        ("fast == slow", "fast (30) must be equal to slow (10)"),
        ("fast != 3 * slow", "fast (30) must be other than 3 * slow (30)"),
        ("filtered or fast < slow", "`filtered or fast < slow` must hold; fast is 30, filtered is False, slow is 10"),
    ],
)
def test_a_broken_constraint_names_the_values(text, message):
    broken = {"fast": 30, "slow": 10, "width": 2.0, "filtered": False}
    condition = constraint(text, PARAMETERS)
    assert not condition.holds(broken)
    assert condition.broken(broken) == message


def test_the_reason_follows_the_message():
    condition = constraint("fast < slow", PARAMETERS, "the fast average is the shorter one")
    assert condition.broken({"fast": 3, "slow": 2}).endswith(
        "must be less than slow (2): the fast average is the shorter one"
    )


def test_it_holds_or_not():
    condition = constraint("fast < slow and not filtered", PARAMETERS)
    assert condition.holds({"fast": 1, "slow": 2, "filtered": False})
    assert not condition.holds({"fast": 1, "slow": 2, "filtered": True})
    assert not condition.holds({"fast": 2, "slow": 2, "filtered": False})


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("fast < close", 7, "a constraint is about parameters alone; `close` is about bars"),
        ("fast < obv()", 7, "a constraint is about parameters alone; `obv()` is about bars"),
        ("fast crosses above 1", 0, "a constraint is about parameters alone; `fast crosses above 1` is about bars"),
        ("fast < slwo", 7, "unknown name 'slwo' (did you mean 'slow'?)"),
        ("fast + slow", 0, "a constraint must be a condition, such as `fast < slow`; this is a whole number"),
        ("1 < 2", 0, "a constraint must name a parameter, such as `fast < slow`"),
        ("fast <", 6, "expected a value before the end"),
    ],
)
def test_what_is_no_condition_on_parameters_is_refused(text, position, message):
    with pytest.raises(RuleError) as caught:
        constraint(text, PARAMETERS)
    assert (caught.value.message, caught.value.position) == (message, position)
