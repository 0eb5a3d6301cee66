"""For every rule across fields a right resource and the one edit that breaks the rule, and the field that a refusal must name."""

import copy
from dataclasses import dataclass
from typing import Any, get_args

from whole_resources import whole

from tidewright.specs.kinds import KINDS
from tidewright.specs.resource import Spec

LEFT_OUT = object()


@dataclass(frozen=True)
class Broken:
    """`value` at `path` of the spec of a whole resource breaks the rule with this `message`, told of `field` below the spec."""

    kind: str
    number: int
    path: tuple[str | int, ...]
    value: Any
    field: str
    message: str

    def resource(self):
        resource = copy.deepcopy(whole(self.kind)[self.number])
        parent = resource["spec"]
        for part in self.path[:-1]:
            parent = parent[part]
        if self.value is LEFT_OUT:
            del parent[self.path[-1]]
        else:
            parent[self.path[-1]] = self.value
        return resource


BROKEN = [
    Broken(*case)
    for case in [
        ("TradingStrategy", 0, ("source",), {}, "source", "set exactly one of builtin, rules, classRef and sourceRef"),
        ("TradingStrategy", 0, ("risk", "positionSize"), {}, "risk.positionSize", "set exactly one of fraction and risk"),
        ("TradingStrategy", 0, ("risk", "stopLoss"), LEFT_OUT, "risk.positionSize",
         "risk needs a stopLoss to measure the risk by; add stopLoss, or use fraction"),
        ("TradingStrategy", 0, ("risk", "roi", 1, "after"), "0s", "risk.roi",
         "the steps must be in order of after, each later than the one before; reorder them"),
        ("TradingStrategy", 0, ("execution", "credentials"), LEFT_OUT, "execution.mode", "needs credentials.secretName; add it, or use mode: DryRun"),
        ("TradingStrategy", 1, ("source", "rules", "exitShort"), LEFT_OUT, "source.rules", "enterShort and exitShort go together; add the one that is missing"),
        ("TradingStrategy", 1, ("source", "rules", "parameters", 0, "default"), 1, "source.rules.parameters[0].default", "must lie between min and max"),
        ("TradingStrategy", 1, ("source", "rules", "parameters", 0, "default"), 2.5, "source.rules.parameters[0]",
         "default, min and max of an Int parameter must be whole numbers; write them without a point, or set type: Float"),
        ("BacktestRun", 0, ("strategy",), {}, "strategy", "set exactly one of name (of a TradingStrategy) and source (of a strategy written in place)"),
        ("BacktestRun", 0, ("strategy",), {"source": {"builtin": "a"}}, "strategy", "a strategy written in place needs symbols and timeframe; add them"),
        ("BacktestRun", 0, ("strategy", "timeframe"), "1h", "strategy.name",
         "a strategy by name brings its own parameters, symbols, timeframe and risk; remove them here"),
        ("BacktestRun", 0, ("data", "end"), "2020-01-01T01:00:00+01:00", "data.end",
         "must be after start; end is exclusive, so the last day tested is the day before it"),
        ("BacktestRun", 1, ("broker",), {"leverage": 2}, "broker.leverage", "leverage needs account: Margin; set it, or remove leverage"),
        ("BacktestRun", 1, ("broker",), {"funding": "Stored"}, "broker.funding", "funding is of perpetuals and needs account: Margin; set it, or remove funding"),
        ("BacktestRun", 0, ("broker",), {"account": "Margin", "leverage": 125, "maintenanceMargin": "0.8%"}, "broker.maintenanceMargin",
         "the maintenance margin must be smaller than the margin itself, 100% over leverage; lower one of the two"),
        ("BacktestRun", 0, ("broker", "filters", 1, "symbol"), "BTC/USDT", "broker.filters",
         "each symbol may be named once; put all that is asked of it in one entry"),
        ("BacktestRun", 0, ("broker", "filters", 0, "brackets", 1, "notional"), 50_000, "broker.filters[0].brackets",
         "each bracket must be larger than the one before it, and allow no more leverage; reorder them"),
        ("BacktestRun", 0, ("broker", "filters", 0, "brackets"), [{"notional": 9, "leverage": 4, "maintenanceMargin": "1%"}], "broker.leverage",
         "the leverage is beyond what the exchange's first bracket allows; lower it to that"),
        ("BacktestRun", 0, ("pod", "tolerations", 1), {}, "pod.tolerations[1]", "a toleration of every key needs operator: Exists; set it, or add key"),
        ("BacktestRun", 0, ("pod", "tolerations", 1), {"operator": "Exists", "value": "a"}, "pod.tolerations[1].value",
         "operator Exists takes no value; remove it"),
        ("BacktestRun", 0, ("pod", "tolerations", 0, "effect"), "NoSchedule", "pod.tolerations[0].tolerationSeconds",
         "tolerationSeconds needs effect: NoExecute; set it, or remove tolerationSeconds"),
        ("OptimizationStudy", 0, ("searchSpace", 0, "int", "max"), 1, "searchSpace[0].int.max", "must not be below min"),
        ("OptimizationStudy", 0, ("searchSpace", 1, "int", "min"), 0, "searchSpace[1].int.log",
         "a logarithmic range needs min of 1 or more and no step; change them, or remove log"),
        ("OptimizationStudy", 0, ("searchSpace", 2, "float", "log"), True, "searchSpace[2].float.log",
         "a logarithmic range needs min above 0 and no step; change them, or remove log"),
        ("OptimizationStudy", 0, ("searchSpace", 4, "percent", "max"), "0.5%", "searchSpace[4].percent.max", "must not be below min"),
        ("OptimizationStudy", 0, ("searchSpace", 4, "name"), "fast2", "searchSpace[4].percent",
         "percent strings are values of risk, not of parameters; use float, or name a field of risk"),
        ("OptimizationStudy", 0, ("searchSpace", 0, "numbers"), [1], "searchSpace[0]", "set exactly one of int, float, percent, numbers and choices"),
        ("OptimizationStudy", 0, ("searchSpace", 1, "name"), "fast", "searchSpace", "a field is searched twice; remove one"),
        ("OptimizationStudy", 0, ("objectives", 1, "metric"), "Sharpe", "objectives", "a metric is an objective twice; remove one"),
        ("OptimizationStudy", 1, ("objectives", 0, "direction"), LEFT_OUT, "objectives[0].metric",
         "more of this metric is neither better nor worse; set direction"),
        ("OptimizationStudy", 1, ("selection",), "Knee", "selection",
         "a knee is of the front between two objectives or more; add one, or choose Best or Robust"),
        ("OptimizationStudy", 0, ("sampler", "name"), "CMAES", "sampler", "CMAES takes one objective; leave one, or use NSGAII"),
        ("OptimizationStudy", 0, ("sampler", "name"), "Custom", "sampler", "name: Custom and classRef go together; set both, or neither"),
        ("RLTraining", 0, ("runners", "maxReplicas"), 1, "runners.maxReplicas", "must not be below replicas"),
        ("RLTraining", 0, ("broker",), {}, "environment", "going short needs broker.account: Margin; set it, or use actions: LongFlat"),
    ]
]  # fmt: skip


def rules():
    """Every rule across fields of every model that a resource is made of."""
    seen: set[type[Spec]] = set()
    waiting = [part for kind in KINDS for part in (kind.model, kind.status)]
    while waiting:
        model = waiting.pop()
        if model not in seen:
            seen.add(model)
            waiting += [part for field in model.model_fields.values() for part in _models(field.annotation)]
            yield from ((model.__name__, rule) for rule in model.cross_field_rules)


def _models(annotation):
    """The models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
