"""How `tidewright up` runs a service on one machine: what the entry points of the group ``tidewright.services`` name.

    [project.entry-points."tidewright.services"]
    data-validation = "data_validation.local:LOCAL"

Such a module is imported by whoever lists the services, so it imports nothing but this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

GROUP = "tidewright.services"
"""Of the entry points."""


@dataclass(frozen=True, slots=True)
class LocalService:
    """`module` is what ``python -m`` runs; its `number` is that of docs/services.md, which gives its ports.

    `needs` and `takes` are settings of its own, as variables without ``TIDEWRIGHT_``, and what each is told. What is told may have in it

    - ``{streams}``, ``{database}``: URLs of Redis and of PostgreSQL
    - ``{exchange}``: host and port of the local exchange
    - ``{strategy}``: the file of a TradingStrategy
    - ``{folder}``: a folder of the service's own, which outlives it.

    Where one of these is not there, what it `takes` is left out, and a service that `needs` it is not started. What the
    environment says already stays as it is.
    """

    module: str
    number: int
    needs: Mapping[str, str] = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
