"""What the page of a study says before its pictures: the verdict with its reasons, the figures behind it, and what to do with what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidewright.domain.metrics.table import METRICS
from tidewright.report import format as fmt
from tidewright.report.document import Document, Json, named, part
from tidewright.report.study_trials import counted, settings
from tidewright.specs.manifest import as_yaml

NOT_DEFINED = "Not defined"

_METRICS = {metric.name: metric for metric in METRICS}
_TESTS = {"SuperiorPredictiveAbility": "Hansen's test of superior predictive ability", "RealityCheck": "White's reality check"}  # fmt: skip
_READINGS = {
    "Robust": "What was found is unlikely to be luck, and held up where the search could not look.",
    "Suspect": "What was found may be more than luck, but not every figure says so.",
    "Overfit": "What was found is what luck alone would find. Do not trade it.",
}
_NOTHING_FOUND = "Nothing was found that could be selected."
_SHAPES = {
    "Plateau": "a plateau: neighbours do about as well",
    "Slope": "a slope: neighbours on one side do worse",
    "Spike": "a spike: neighbours do much worse",
    "Unknown": "too few neighbours were tried",
}
_NO_ACCOUNT = "nothing was traded out of sample"
_UNVARIED = "the account did not vary out of sample"
_NO_EVIDENCE = "no trial was selected"


def market(document: Document) -> str:
    """``BTC/USDT 1h on Binance``."""
    exchange = document["exchange"]
    where = "on simulated data" if exchange == "simulated" else f"on {str(exchange).title()}"
    return f"{named([str(one) for one in document['symbols']])} {document['timeframe']} {where}"


def summary(document: Document) -> str:
    """One or two sentences: what was searched on what, and what came of it."""
    period, result = document["period"], document["result"]
    begun = (
        f"{document['strategy']['name']} on {market(document)}, {period['start'][:10]} to {period['end'][:10]}: "
        f"of {fmt.count(document['trials']['asked'])} trials, {fmt.count(document['trials']['complete']) if document['trials']['complete'] else 'none'} were evaluated in full"
    )
    selected = document["selected"]
    if selected is None:
        return f"{begun}, and none could be selected."
    total = result["totalReturn"]
    if not fmt.defined(total):
        return f"{begun}. Trial {fmt.count(selected['number'])} was selected ({settings(selected['parameters'], 6)})."
    outcome = f"gained {fmt.percent(total)}" if total > 0 else f"lost {fmt.percent(-total)}" if total < 0 else "neither gained nor lost"  # fmt: skip
    return (
        f"{begun}. Choosing anew at every window and trading what came after, the search {outcome} out of sample, after costs. "
        f"It selects trial {fmt.count(selected['number'])}: {settings(selected['parameters'], 6)}."
    )


def reading(document: Document) -> str:
    """What the verdict's word means."""
    return _NOTHING_FOUND if document["selected"] is None else _READINGS[document["verdict"]["word"]]


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure; `note` says what stands beside it, or why it is not defined."""

    title: str
    description: str
    value: str
    note: str


def headline(document: Document) -> list[Tile]:
    """The figures that a reader asks for first."""
    result, walked, evidence = document["result"], document["walkForward"], document["overfitting"]
    windows = len(document["windows"])
    traded = windows - walked["undefinedWindows"]
    profitable = f"{walked['profitableWindows']} of {windows} windows with a profit"
    luck = f"after {fmt.count(part(evidence, 'trials'))} trials{_alike(evidence)}"
    test = str(part(evidence, "test", "name"))
    return [
        _of_account(result, "totalReturn", "Out-of-sample return", profitable, _NO_ACCOUNT),
        _of_account(result, "sharpe", "Out-of-sample Sharpe", "a year", _UNVARIED if traded else _NO_ACCOUNT),
        _of_account(result, "maxDrawdown", "Out-of-sample drawdown", "the deepest", _NO_ACCOUNT),
        _of_account(result, "trades", "Out-of-sample trades", f"in {traded} of {windows} windows", _NO_ACCOUNT),
        _tile("Walk-forward efficiency", "Growth a year out of sample over that in sample.", fmt.percent(walked["efficiency"]), "of the growth in sample was kept", _why_no_efficiency(document)),
        _tile("Deflated Sharpe ratio", "Probability that the selected trial's Sharpe ratio is above what luck alone reaches in so many trials.", fmt.percent(part(evidence, "deflatedSharpe")), luck, _why(evidence, "the returns do not vary, or are too few")),
        _tile("Overfitting (PBO)", "How often the best of one half of the history is below the median in the other half.", fmt.percent(part(evidence, "pbo", "probability")), f"of {fmt.count(part(evidence, 'pbo', 'halves'))} rehearsals chose badly", _why(evidence, "fewer than two trials have returns, or these are too few")),
        _tile("p value", f"{_TESTS.get(test, 'The test')}: how often trials without skill would bring so good a best one.", fmt.number(part(evidence, "test", "pValue"), 3), _TESTS.get(test, ""), _why(evidence, "the returns are too few")),
    ]  # fmt: skip


def _of_account(result: Json, name: str, title: str, note: str, why: str) -> Tile:
    metric = _METRICS[name]
    text = {"percent": fmt.percent, "count": fmt.count}.get(metric.unit, fmt.number)(part(result, name))
    return _tile(title, metric.description, text, note, why)


def _tile(title: str, description: str, text: str, note: str, why: str) -> Tile:
    return Tile(title, description, NOT_DEFINED if text == fmt.DASH else text, why if text == fmt.DASH else note)


def _alike(evidence: Json) -> str:
    independent = part(evidence, "independentTrials")
    return f", worth {fmt.number(independent, 1)} independent ones" if fmt.defined(independent) else ""


def _why(evidence: Json, why: str) -> str:
    return why if evidence else _NO_EVIDENCE


def _why_no_efficiency(document: Document) -> str:
    growth = document["walkForward"].get("growthInSample")
    if fmt.defined(growth):
        return f"growth in sample was {fmt.percent(growth, plus=True)} a year, not positive"
    return "nothing was chosen that has a growth in sample"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the evidence and what it means."""

    title: str
    value: str
    meaning: str


def evidence(document: Document) -> list[Row]:
    """Every figure that tells skill from luck; nothing where no trial was selected."""
    found, walked = document["overfitting"], document["walkForward"]
    if not found:
        return []
    pbo, test, stability = found["pbo"], found["test"], found["stability"]
    first = _METRICS[document["objectives"][0]["metric"]].title
    first = first if first.split()[0] in {"Sharpe", "Sortino", "Calmar", "Kelly"} else first[0].lower() + first[1:]
    rows = [
        ("Deflated Sharpe ratio", fmt.percent(found["deflatedSharpe"]), "Probability that the selected trial's true Sharpe ratio is above what the best of so many trials without any skill would show (Bailey and López de Prado, 2014)."),
        ("Sharpe ratio of the selected", fmt.number(found["sharpe"]), "A year, over the whole period, of the returns that all trials are judged by."),
        ("Sharpe ratio of luck", fmt.number(found["sharpeOfLuck"]), "A year: what the best of so many trials is expected to show if none has skill."),
        ("Trials", fmt.count(found["trials"]), "All that were tried count, those that were given up and those that failed as well."),
        ("Independent trials", fmt.number(found["independentTrials"], 1), "As many unlike each other would be as good a lottery: trials with like returns count together."),
        ("Probability of overfitting (PBO)", fmt.percent(pbo["probability"]), f"The history in {pbo['splits']} parts, combined into {fmt.count(pbo['halves'])} pairs of halves: the share in which the best of one half is below the median in the other (CSCV; Bailey, Borwein, López de Prado and Zhu, 2017)."),
        ("Slope from half to half", fmt.number(pbo["slope"]), "Of the Sharpe ratio in the other half on that in the half chosen by; below 0 the better choice did worse."),
        ("Loss in the other half", fmt.percent(pbo["lossProbability"]), "How often the best of one half lost money in the other."),
        (_TESTS[test["name"]], fmt.number(test["pValue"], 3), f"How often {fmt.count(test['samples'])} resampled histories (stationary bootstrap) without skill bring so good a best trial."),
        ("Stability", fmt.percent(stability["score"]), f"How much of its {first} is left to the selected trial's {fmt.count(stability['neighbours'])} neighbours: {_SHAPES[stability['shape']]}."),
        ("Walk-forward efficiency", fmt.percent(walked["efficiency"]), "Growth a year out of sample over that in sample, of what was chosen at each window."),
        ("Degradation", fmt.percent(walked["degradation"]), f"The same of the first objective: mean {first} out of sample over that in sample."),
    ]  # fmt: skip
    return [Row(title, NOT_DEFINED if value == fmt.DASH else value, meaning) for title, value, meaning in rows]


def snippet(document: Document) -> str:
    """The selected parameters, and the risk they come with, as they stand in a TradingStrategy's spec; empty where nothing was selected."""
    strategy = part(document, "run", "spec", "strategy")
    if not strategy:
        return ""
    risk = {name: value for name, value in (strategy.get("risk") or {}).items() if value != []}
    shown = {"parameters": strategy.get("parameters"), "risk": risk}
    return as_yaml([{name: value for name, value in shown.items() if value}]).strip()


def apply_command(document: Document) -> str:
    """The command that writes the selected strategy to a file; it names no folder, as the page lies beside the record wherever both are moved to."""
    refusal = " --even-if-overfit" if document["verdict"]["word"] == "Overfit" else ""
    return f"tidewright apply-best result.json{refusal} -o strategy.yaml"


def provenance(document: Document) -> list[tuple[str, str]]:
    """What the result was made of."""
    made_of, period, times = document["provenance"], document["period"], document["times"]
    aims = [f"{_METRICS[one['metric']].title}, {one['direction'].lower()}d" for one in document["objectives"]]
    return [
        ("Strategy", f"{document['strategy']['name']} ({document['strategy']['source']})"),
        ("Data", market(document)),
        ("Period (UTC, end exclusive)", f"{_moment(period['start'])} to {_moment(period['end'])}"),
        ("Bars", f"{fmt.count(period['bars'])}, and {fmt.count(period['history'])} before them to warm up"),
        ("Objectives", "; ".join(aims)),
        ("Sampler", f"{document['sampler']['name']}, seed {document['sampler']['seed']}"),
        ("Selection", document["selection"]),
        ("Trials", counted(document)),
        ("Data digest", fmt.text(made_of["dataDigest"])),
        ("Strategy digest", fmt.text(made_of["strategyDigest"])),
        ("Result digest", fmt.text(made_of["resultDigest"])),
        ("Arithmetic revision", fmt.text(made_of["arithmeticRevision"])),
        ("Version", fmt.text(made_of["engineVersion"])),
        ("Started and finished", f"{_moment(times['started'])} to {_moment(times['finished'])}"),
    ]


def _moment(text: str) -> str:
    return text.replace("T", " ").removesuffix("Z").removesuffix(":00")


def failures(document: Document) -> Sequence[tuple[str, str, str, str]]:
    """Reason, message, how many, and an example, of trials that failed."""
    return [
        (fmt.words(str(one["reason"])), str(one["message"]), fmt.count(one["count"]), settings(one["parameters"]))
        for one in document["trials"]["failures"]
    ]
