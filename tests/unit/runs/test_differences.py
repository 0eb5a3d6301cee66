from copy import deepcopy

import pytest

from tidewright.runs.differences import cautions, differences

RECORD = {
    "spec": {
        "strategy": {
            "source": {"builtin": "MovingAverageCross"},
            "parameters": {"fast": 5, "slow": 20},
            "symbols": ["BTC/USDT"],
            "risk": {"stopLoss": "5%", "trailingStop": {"activateAt": "2%", "distance": "1%"}},
        },
        "data": {"exchange": "binance"},
        "broker": {"cash": 10_000.0, "commission": "0.1%"},
        "checks": {"lookAhead": True},
        "seed": 7,
    },
    "warnings": [],
    "provenance": {
        "digest": "sha256:one",
        "data": {
            "exchange": "binance",
            "symbol": "BTC/USDT",
            "start": "2023",
            "digest": "sha256:bars",
            "simulated": False,
        },
        "strategy": {"name": "MovingAverageCross", "digest": "sha256:strategy"},
        "engine": {"name": "Fast", "version": "0.1.0", "arithmeticRevision": 1},
        "environment": {"python": "3.11.7"},
    },
}


def changed(*path, to):
    """The record with the value at a path replaced, and fills of its own."""
    record = deepcopy(RECORD)
    record["provenance"]["digest"] = "sha256:other"
    *parents, last = path
    place = record
    for key in parents:
        place = place[key]
    place[last] = to
    return record


def reasons(*records):
    return [reason for reason, _ in cautions([f"run {i}" for i in range(len(records))], records)]


def test_runs_that_were_made_of_the_same_do_not_differ():
    assert differences([RECORD, deepcopy(RECORD)]) == ()


@pytest.mark.parametrize(
    ("path", "value", "row"),
    [
        (("spec", "strategy", "parameters", "fast"), 9, ("Parameters", "fast", ("5", "9"))),
        (("spec", "strategy", "source"), {"rules": {"enter": "up"}}, ("Strategy", "rules.enter", (None, "up"))),
        (("spec", "strategy", "risk", "trailingStop"), None, ("Risk", "trailingStop.distance", ("1%", None))),
        (("spec", "strategy", "risk", "stopLoss"), "8%", ("Risk", "stopLoss", ("5%", "8%"))),
        (("spec", "broker", "commission"), "0%", ("Account and costs", "commission", ("0.1%", "0%"))),
        (("provenance", "data", "start"), "2022", ("Data", "start", ("2023", "2022"))),
        (("provenance", "data", "symbol"), "ETH/USDT", ("Data", "symbol", ("BTC/USDT", "ETH/USDT"))),
        (("provenance", "engine", "version"), "0.2.0", ("Engine", "version", ("0.1.0", "0.2.0"))),
        (("provenance", "strategy", "digest"), "sha256:x", ("Strategy", "digest", ("sha256:strategy", "sha256:x"))),
        (("spec", "checks", "lookAhead"), False, ("Checks", "lookAhead", ("true", "false"))),
        (("spec", "seed"), 8, ("Checks", "seed", ("7", "8"))),
    ],
)  # fmt: skip
def test_what_differs_is_named_with_its_group_and_both_values(path, value, row):
    found = [(d.group, d.field, d.values) for d in differences([RECORD, changed(*path, to=value)])]
    assert row in found


def test_where_a_run_was_made_is_no_difference():
    assert differences([RECORD, changed("provenance", "environment", "python", to="3.11.9")]) == ()


def test_differences_come_by_group():
    other = changed("spec", "broker", "commission", to="0%")
    other["spec"]["seed"], other["spec"]["strategy"]["parameters"]["slow"] = 8, 30
    assert [d.group for d in differences([RECORD, other])] == ["Parameters", "Account and costs", "Checks"]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("spec", "broker", "commission"), "0%", "Costs"),
        (("spec", "broker", "funding"), "8h", "Costs"),
        (("provenance", "engine", "arithmeticRevision"), 2, "ArithmeticRevision"),
        (("provenance", "engine", "name"), "Backtrader", "Engine"),
        (("provenance", "data", "symbol"), "ETH/USDT", "Market"),
        (("provenance", "data", "exchange"), "kraken", "Market"),
        (("provenance", "data", "digest"), "sha256:others", "Data"),
        (("provenance", "data", "simulated"), True, "SimulatedData"),
        (("warnings",), [{"reason": "LookAhead", "message": "it knows"}], "LookAhead"),
    ],
)
def test_what_makes_a_comparison_doubtful_is_a_reason_for_care(path, value, reason):
    assert reasons(RECORD, changed(*path, to=value)) == [reason]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "broker", "cash"), 5_000.0),
        (("spec", "strategy", "parameters", "fast"), 9),
        (("provenance", "engine", "version"), "0.2.0"),
        (("warnings",), [{"reason": "FewTrades", "message": "3 trades"}]),
    ],
)
def test_what_a_comparison_is_for_is_no_reason_for_care(path, value):
    assert reasons(RECORD, changed(*path, to=value)) == []


def test_other_bars_of_another_period_are_no_surprise():
    other = changed("provenance", "data", "digest", to="sha256:others")
    other["provenance"]["data"]["start"] = "2022"
    assert reasons(RECORD, other) == []


def test_a_reason_says_which_run_has_which_value():
    (_, message), *_ = cautions(["slow", "fast"], [RECORD, changed("spec", "broker", "commission", to="0%")])
    assert "slow: 0.1%, fast: 0%" in message


def test_runs_with_the_same_fills_are_told():
    twin = changed("spec", "seed", to=8)
    twin["provenance"]["digest"] = RECORD["provenance"]["digest"]
    assert ("SameFills", "a and b have the same fills and equity, bit for bit.") in list(
        cautions(["a", "b"], [RECORD, twin])
    )


class TestSeveralSymbols:
    """What an account of several was made of, in the fields of an account of one."""

    @staticmethod
    def portfolio(**digests):
        record = changed("spec", "strategy", "symbols", to=[f"{name}/USDT" for name in digests])
        record["provenance"]["digest"] = f"sha256:{digests}"
        record["provenance"]["data"] |= {
            "symbol": ", ".join(f"{name}/USDT" for name in digests),
            "digest": f"sha256:{'+'.join(digests.values())}",
            "symbols": {f"{name}/USDT": {"digest": digest, "warmupBars": 30} for name, digest in digests.items()},
        }
        record["spec"]["broker"]["filters"] = [
            {"symbol": f"{name}/USDT", "tick": 0.01, "brackets": []} for name in digests
        ]
        return record

    def fields(self, *records):
        return {d.field: d.values for d in differences(records)}

    def test_beside_an_account_of_one_the_symbols_differ_and_not_what_belongs_to_them(self):
        alone = changed("provenance", "data", "digest", to="bars")
        alone["provenance"]["data"]["warmupBars"] = 30
        alone["spec"]["broker"]["filters"] = [{"symbol": "BTC/USDT", "tick": 0.01}]
        assert self.fields(alone, self.portfolio(BTC="bars", ETH="other")) == {
            "symbol": ("BTC/USDT", "BTC/USDT, ETH/USDT"),
            "digest": ("bars", "sha256:bars+other"),
        }

    def test_other_bars_of_one_symbol_are_told_with_its_name(self):
        one, other = self.portfolio(BTC="bars", ETH="old"), self.portfolio(BTC="bars", ETH="new")
        assert self.fields(one, other)["ETH/USDT.digest"] == ("old", "new")
        assert "BTC/USDT.digest" not in self.fields(one, other)
        assert reasons(one, other) == ["Data"]

    def test_filters_are_told_by_symbol_and_are_one_reason_for_care(self):
        one, other = self.portfolio(BTC="a", ETH="b"), self.portfolio(BTC="a", ETH="b")
        other["provenance"]["digest"] = "sha256:fills"
        for filters in other["spec"]["broker"]["filters"]:
            filters["tick"] = 0.1
        assert self.fields(one, other)["filters.ETH/USDT.tick"] == ("0.01", "0.1")
        assert reasons(one, other) == ["Costs"]

    def test_a_sentence_names_the_first_of_many_symbols(self):
        (_, message), *_ = cautions(["a", "b"], [RECORD, self.portfolio(A="1", B="2", C="3", D="4", E="5")])
        assert "b: A/USDT, B/USDT, C/USDT and 2 more" in message
