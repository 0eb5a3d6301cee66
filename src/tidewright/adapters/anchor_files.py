"""Anchors in a folder, one small file a market: ``ROOT/binance/BTC-USDT/1h.json``."""

import json
from pathlib import Path

from tidewright.adapters.atomic import atomic_write, locked
from tidewright.adapters.market_names import file_path
from tidewright.domain.bars import Market
from tidewright.domain.instant import utc
from tidewright.domain.live import Anchor
from tidewright.ports import AnchorDamaged
from tidewright.specs.quantities import epoch_milliseconds

FORMAT = 1
"""What this module writes, and the newest that it reads."""

_LOCK_TIMEOUT = 10.0


class AnchorFiles:
    """`Anchors` in a folder that replicas may share: of two that create one at the same time, the first wins."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, market: Market) -> Anchor | None:
        path = self._path(market)
        try:
            return _anchor(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            remedy = "restore it, or remove it to start a new history"
            raise AnchorDamaged(f"{path} is no anchor ({type(error).__name__}: {error}); {remedy}") from error

    def create(self, anchor: Anchor) -> Anchor:
        path = self._path(anchor.market)
        with locked(path.with_name(f".{path.stem}.lock"), _LOCK_TIMEOUT):
            stored = self.read(anchor.market)
            if stored is None:
                atomic_write(path, lambda temporary: _write(temporary, anchor))
        return stored or anchor

    def place(self, market: Market) -> str:
        return str(self._path(market))

    def _path(self, market: Market) -> Path:
        path = self._root / file_path(market)
        return path.with_name(f"{path.name}.json")


def _write(path: Path, anchor: Anchor) -> None:
    fields = {
        "format": FORMAT,
        "market": anchor.market._asdict(),
        "strategyDigest": anchor.strategy,
        "firstBar": utc(anchor.first),
        "warmupBars": anchor.warmup,
        "warmupDigest": anchor.digest,
    }
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")


def _anchor(text: str) -> Anchor:
    fields = json.loads(text)
    if fields["format"] > FORMAT:
        raise ValueError(f"its format is {fields['format']}, and this version knows {FORMAT}")
    return Anchor(
        market=Market(**fields["market"]),
        strategy=str(fields["strategyDigest"]),
        first=epoch_milliseconds(fields["firstBar"]),
        warmup=int(fields["warmupBars"]),
        digest=str(fields["warmupDigest"]),
    )
