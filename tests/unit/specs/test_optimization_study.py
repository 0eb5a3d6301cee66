import pytest
from pydantic import ValidationError
from whole_resources import whole

from tidewright.domain.metrics.table import METRICS
from tidewright.specs.optimization_study import Objective, OptimizationStudy, OptimizationStudySpec, SearchedField

LEAST = {"strategy": {"name": "ma-cross"}, "data": {"exchange": "simulated"}}


@pytest.mark.parametrize("resource", whole("OptimizationStudy"), ids=["full", "small"])
def test_a_study_is_read_and_written_back(resource):
    study = OptimizationStudy.model_validate(resource)
    assert OptimizationStudy.model_validate(study.record()) == study


def test_what_is_left_out_takes_sensible_values():
    study = OptimizationStudySpec.model_validate(LEAST)
    assert study.objectives == (Objective(metric="Sharpe"),)
    assert (study.sampler.name, study.trials, study.parallelism, study.selection) == ("TPE", 100, 1, "Robust")
    assert (study.walk_forward.windows, study.walk_forward.in_sample) == (6, "70%")
    assert study.search_space == ()


def test_every_metric_may_be_an_objective():
    for metric in METRICS:
        Objective.model_validate({"metric": metric.name[0].upper() + metric.name[1:], "direction": "Maximize"})


@pytest.mark.parametrize("metric", ["Sharp", "sharpe", 3, [], None])
def test_what_is_no_metric_is_refused(metric):
    with pytest.raises(ValidationError):
        Objective.model_validate({"metric": metric})


@pytest.mark.parametrize("name", ["fast", "parameters.fast", "risk.stopLoss", "risk.trailingStop.distance"])
def test_parameters_and_fields_of_risk_are_searched(name):
    assert SearchedField.model_validate({"name": name, "numbers": [1]}).name == name


@pytest.mark.parametrize("name", ["", "1st", "risk.", "risk.a.b.c", "broker.cash", "a b", "fast\n"])
def test_nothing_else_is_searched(name):
    with pytest.raises(ValidationError, match="not a field to search"):
        SearchedField.model_validate({"name": name, "numbers": [1]})
