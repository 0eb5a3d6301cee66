import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidewright.specs import status
from tidewright.specs.work_record import LONGEST, StudyRecord, WorkRecord

DIGEST = f"sha256:{64 * 'f'}"
FOLDER = f"file:///{992 * 'a'}"
RESULT = {
    **dict.fromkeys(("totalReturn", "cagr", "sharpe", "sortino", "maxDrawdown", "trades", "winRate"), 32 * "9"),
    **dict.fromkeys(("profitFactor", "exposure", "benchmarkReturn", "warnings"), 32 * "9"),
    "report": f"{FOLDER}/report.html",
    "artifacts": FOLDER,
}
PROVENANCE = {
    **dict.fromkeys(("dataDigest", "strategyDigest", "resultDigest"), DIGEST),
    "arithmeticRevision": 2**53 - 1,
    "engineVersion": 64 * "9",
    "seed": 2**53 - 1,
}
TESTED = {
    "start": "2017-08-17T04:00:00.000+00:00",
    "end": "2024-07-01T00:00:00.000+00:00",
    "bars": 2**53 - 1,
    "simulated": False,
    **dict.fromkeys(("commission", "makerCommission", "slippage"), "0.123456789012%"),
    "lookAhead": False,
    "dataQuality": False,
    "sharpe": -1.2345678901234567e299,
    "maxDrawdown": 0.1234567890123456,
    "trades": 2**53 - 1,
}

LETTERS = st.one_of(st.characters(categories=("Cs", "Cc", "So", "Lo", "Zs")), st.sampled_from('"\\\n\U0001f4a5€'))
"""What takes the most room in JSON, or cannot be in it."""


def complete(**edits):
    result = status.BacktestResult.model_validate(RESULT | edits)
    provenance, tested = status.Provenance.model_validate(PROVENANCE), status.Tested.model_validate(TESTED)
    return WorkRecord(reason="Complete", result=result, provenance=provenance, tested=tested)


def test_the_largest_result_there_can_be_fits_and_is_read_as_it_was_written():
    record = complete()
    text = record.encoded().decode()
    assert 3_300 < len(text) <= LONGEST
    assert WorkRecord.read(text) == record
    assert json.loads(text)["tested"] == TESTED


def test_a_record_that_would_not_fit_is_not_made():
    with pytest.raises(ValidationError, match="at most 4096 bytes; shorten the URL of the artifacts"):
        complete(experiment="https://" + 1000 * "m")


@given(st.text(LETTERS, max_size=50), st.integers(0, 2_000))
def test_no_message_makes_a_record_too_long(text, times):
    record = WorkRecord(reason="Failed", message=text * times)
    assert len(record.encoded()) <= LONGEST
    assert WorkRecord.read(record.encoded().decode()) == record


@given(st.lists(st.text(LETTERS).map(lambda text: text * 40), min_size=1, max_size=120))
def test_no_problems_make_a_record_too_long(problems):
    record = WorkRecord.of_problems("Refused", problems)
    assert len(record.encoded()) <= LONGEST
    assert WorkRecord.read(record.encoded().decode()) == record


def test_a_hundred_symbols_are_told_as_far_as_there_is_room_with_the_number_of_the_others():
    problems = [f"strategy.symbols: no bars of COIN{number}/USDT 1h on binance in the period" for number in range(100)]
    *told, last = WorkRecord.of_problems("DataMissing", problems).message.splitlines()
    assert told == problems[: len(told)]
    assert len(told) > 40
    assert last == f"and {100 - len(told)} more"


def test_few_problems_are_all_told():
    assert WorkRecord.of_problems("Refused", ["one", "two"]).message == "one\ntwo"


def test_one_long_problem_leaves_room_for_the_others():
    first, second = WorkRecord.of_problems("Refused", [1_000 * "é", "two"]).message.splitlines()
    assert first == 348 * "é" + "…"
    assert second == "two"


def test_half_a_character_and_what_cannot_be_shown_become_a_mark():
    assert WorkRecord(reason="Failed", message="a\ud800b\x1bc\x00\n\td").message == "a�b�c�\n\td"


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "Complete"},
        {"reason": "Complete", "message": "done"},
        {"reason": "Failed"},
        {"reason": "Failed", "message": "boom", "result": status.BacktestResult()},
    ],
)
def test_only_complete_work_has_a_result_and_all_other_work_says_why(fields):
    with pytest.raises(ValidationError, match="give these and no other"):
        WorkRecord(**fields)


@pytest.mark.parametrize(
    "text",
    ["", "Killed", '{"reason":"Failed","mess', "null", "[]", '{"reason":"Bored","message":"x"}', "[" * 100_000],
)
def test_what_is_no_record_is_none(text):
    assert WorkRecord.read(text) is None


COUNTED = dict.fromkeys(("asked", "complete", "pruned", "failed", "running"), 2**53 - 1)
FOUND = {
    "verdict": "Suspect",
    **dict.fromkeys(("deflatedSharpe", "pbo", "walkForwardEfficiency", "outOfSampleReturn"), 32 * "9"),
    **dict.fromkeys(("outOfSampleSharpe", "pValue"), 32 * "9"),
    "report": f"{FOLDER}/report.html",
    "artifacts": FOLDER,
}
SELECTED = {
    **{name: value for name, value in TESTED.items() if name not in {"sharpe", "maxDrawdown", "trades"}},
    "strategyDigest": DIGEST,
    "deflatedSharpe": 0.1234567890123456,
    "pbo": 0.1234567890123456,
    "walkForwardEfficiency": -1.2345678901234567e299,
}


def study(parameters):
    best = status.BestTrial(trial=2**53 - 1, value=32 * "9", parameters=parameters)
    return StudyRecord.of_study(
        status.Trials.model_validate(COUNTED),
        best,
        status.StudyResult.model_validate(FOUND),
        status.Provenance.model_validate(PROVENANCE),
        status.StudyTested.model_validate(SELECTED),
    )


def test_the_largest_study_fits_without_the_values_of_its_best_trial_and_is_read_as_it_was_written():
    record = study({f"risk.{number}{'x' * 60}": 64 * "y" for number in range(32)})
    text = record.encoded().decode()
    assert len(text) <= LONGEST
    assert StudyRecord.read(text) == record
    assert (record.best.trial, record.best.parameters) == (2**53 - 1, {})


@given(st.integers(0, 64), st.integers(1, 64))
def test_the_values_of_the_best_trial_are_told_as_long_as_there_is_room(how_many, length):
    values = {f"p{number}": length * "y" for number in range(how_many)}
    record = study(values)
    assert len(record.encoded()) <= LONGEST
    whole = record.model_copy(update={"best": record.best.model_copy(update={"parameters": values})})
    assert (record.best.parameters == values) == (len(whole.encoded()) <= LONGEST)


@pytest.mark.parametrize(
    "wrong", [{"reason": "Complete"}, {"reason": "Refused"}, {"reason": "Failed", "message": "x", "trials": COUNTED}]
)
def test_a_study_has_a_whole_result_or_a_message(wrong):
    assert StudyRecord.read(json.dumps(wrong)) is None
    assert StudyRecord.read(json.dumps({"reason": "Refused", "message": "no"})).message == "no"
