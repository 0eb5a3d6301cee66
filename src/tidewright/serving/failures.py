"""What a service answers when it cannot do what it was asked for: one vocabulary for REST and gRPC."""

from enum import Enum


class Kind(Enum):
    """Title, HTTP status, and the name of the gRPC status."""

    INVALID = ("Invalid request", 400, "INVALID_ARGUMENT")
    FORBIDDEN = ("Forbidden", 403, "PERMISSION_DENIED")
    NOT_FOUND = ("Not found", 404, "NOT_FOUND")
    NOT_ALLOWED = ("Method not allowed", 405, "UNIMPLEMENTED")
    PRECONDITION = ("Something has to be mended first", 409, "FAILED_PRECONDITION")
    TOO_LARGE = ("Request too large", 413, "RESOURCE_EXHAUSTED")
    INTERNAL = ("Internal error", 500, "INTERNAL")
    BUSY = ("Too much at once", 503, "RESOURCE_EXHAUSTED")
    UNAVAILABLE = ("Not available now", 503, "UNAVAILABLE")
    TIMEOUT = ("Took too long", 504, "DEADLINE_EXCEEDED")

    def __init__(self, title: str, http: int, grpc: str) -> None:
        self.title = title
        self.http = http
        self.grpc = grpc


class Failure(Exception):
    """A request that is answered with why not; `detail` names the field, the value and the remedy."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


def internal(request_id: str) -> Failure:
    """For what nobody foresaw: the answer says where to look, the log says what happened."""
    return Failure(Kind.INTERNAL, f"the service's log says why, at request id {request_id}")
