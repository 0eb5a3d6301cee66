"""Which work a caller's Idempotency-Key stands for, so that a request that is sent again is not done again."""

import json
from hashlib import sha256
from pathlib import Path

from tidewright.serving.failures import Failure, Kind

_LONGEST = 255


class Keys:
    """Keys in files, a file each, beside the results; replicas that share the folder share them. May be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / ".keys"

    def work_of(self, key: str, request: str, work: str) -> str:
        """The id of the work that a request with this key came to first, `work` where it is the first. `request` is the digest of what is asked for.

        Raises Failure for a key that came with another request before.
        """
        if not 0 < len(key) <= _LONGEST or not key.isprintable():
            raise Failure(Kind.INVALID, f"Idempotency-Key: {key[:40]!r}: write 1 to {_LONGEST} printable characters")
        file = self._folder / f"{sha256(key.encode()).hexdigest()}.json"
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("x", encoding="utf-8") as first:
                first.write(json.dumps({"request": request, "work": work}))
                return work
        except FileExistsError:
            pass
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:  # whoever wrote it died over it, or is about to finish
            raise Failure(Kind.UNAVAILABLE, "another request with this key is just being taken; try again") from None
        if known["request"] != request:
            message = (
                f"Idempotency-Key: {key[:40]!r}: it came with another request before; send a new key with a new request"
            )
            raise Failure(Kind.PRECONDITION, message)
        return str(known["work"])
