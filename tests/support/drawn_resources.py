"""Resources drawn at random: right ones with some of their values changed, guided by the structural schema of their kind.

Nothing here knows a field by name, so that whatever is added to a model is drawn from that day on.
"""

import copy

from hypothesis import strategies as st
from whole_resources import whole

from tidewright.specs.crd import crd

TYPICAL = st.sampled_from(
    [
        "5%", "0%", "100%", "-0%", "100.000000000001%", "0.01%", "1000%", "5", "5%\n", "٥%", "1e2%", "999999.999999999999%",
        "1h", "60m", "0s", "999999999w", "1H", "2024-02-29", "2023-02-29", "2024-04-31", "2024-01-31T12:00:00Z", "2024-01-31T23:59:60Z",
        "2024-01-31T00:00:00.25+02:00", "2024-01-31T00:00:00+24:00", "0000-01-01", "9999-12-31", "BTC/USDT", "ETH/USDT:USDT", "btc/usdt", "A/B\n",
        "a..b", "a.b", "-a", "a" * 64, "a" * 254, "é" * 64, "é" * 65, "😀" * 64, "", " ", "\x00", "a b", "500m", "2Gi", "sha256:" + "0" * 64,
        "parameters.fast", "risk.stopLoss", "Sharpe", "None", "null", "true", "1",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 130)
    | st.sampled_from([2**31, 2**53, -(10**15), 10**15 + 1, 10**30, 0.5, -0.0, 1.0, 2.0, 3.0000000001, 1e16, 1e300])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | TYPICAL
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | TYPICAL, inner, max_size=3),
    max_leaves=4,
)


def values(schema):  # noqa: C901, PLR0911 - one way for each type
    """Values of the type that a structural schema asks for, at and around its bounds; most satisfy it."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return st.integers(0, 9) | TYPICAL
    match schema.get("type"):
        case "boolean":
            return st.booleans()
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True) | TYPICAL
        case "string":
            longest = schema.get("maxLength", 64)
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
                ["é" * longest, "é" * (longest + 1), "close > 1"]
            )
        case "integer":
            low, high = schema["minimum"], schema["maximum"]
            return st.integers(low, high) | st.integers(low, min(low + 9, high)) | st.sampled_from([low - 1, high + 1])
        case "number":
            low, high = schema["minimum"], schema["maximum"]
            return st.floats(low, high) | st.integers(1, 9) | st.sampled_from([low, high, low - 1, high * 2])
        case "array":
            return st.lists(values(schema["items"]), max_size=min(schema["maxItems"], 3))
        case "object" if "properties" in schema:
            required = schema.get("required", ())
            fields = {name: values(part) for name, part in schema["properties"].items()}
            return st.sets(st.sampled_from(sorted(fields)), max_size=2).flatmap(
                lambda more: st.fixed_dictionaries(
                    {name: fields[name] for name in fields if name in {*required, *more}}
                )
            )
        case "object":
            return st.dictionaries(TYPICAL | st.just("fast"), values(schema["additionalProperties"]), max_size=3)
        case _:
            return SCALARS


def places(value, schema):
    """Parent, key and schema of everything below `value` that the schema knows."""
    if isinstance(value, dict):
        items = [(name, schema.get("properties", {}).get(name, schema.get("additionalProperties"))) for name in value]
    else:
        items = [(index, schema.get("items")) for index in range(len(value))] if isinstance(value, list) else []
    for key, known in items:
        if known:
            yield value, key, known
            yield from places(value[key], known)


def change(draw, parent, key, schema):
    """Put something else at `key` of `parent`, which `schema` describes, or something more into what is there."""
    here = parent[key]
    match draw(st.sampled_from(["value", "value", "value", "add", "add", "delete", "anything", "unknown"])):
        case "value":
            parent[key] = draw(values(schema))
        case "anything":
            parent[key] = draw(ANYTHING)
        case "delete":
            del parent[key]
        case "add" if isinstance(here, dict) and "properties" in schema:
            name = draw(st.sampled_from(sorted(schema["properties"])))
            here[name] = draw(values(schema["properties"][name]))
        case "add" if isinstance(here, list) and "items" in schema:
            here.append(draw(values(schema["items"])))
        case "unknown" if isinstance(here, dict) and "properties" in schema:
            here[draw(st.text(max_size=8) | st.sampled_from(["name", "stoploss", "stopLoss"]))] = draw(ANYTHING)


def resources(kind):
    """One of the whole resources of a kind, with a few changes: a value replaced or left out, or a field added, known or not."""
    originals, schema = whole(kind.name), crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec_only = {"properties": {"spec": schema["properties"]["spec"]}}  # the metadata is Kubernetes' own

    @st.composite
    def resource(draw):
        drawn = copy.deepcopy(draw(st.sampled_from(originals)))
        if draw(st.integers(0, 19)) == 7:
            parent, key = draw(st.sampled_from([(drawn["metadata"], "name"), (drawn, "kind"), (drawn, "apiVersion")]))
            parent[key] = draw(SCALARS)
        for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
            if known := list(places(drawn, spec_only)):
                change(draw, *draw(st.sampled_from(known)))
        return drawn

    return resource()
