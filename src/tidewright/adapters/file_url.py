"""URLs of folders and files on this machine or on a volume; other schemes come with the services that serve them."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

_REMEDY = "write file:// and an absolute path, such as file:///data"


class UrlRefused(ValueError):
    """A URL names no place that there is; the message says what to write instead."""


def path_of(url: str) -> Path:
    """The absolute path in a URL such as ``file:///data``. Raises UrlRefused for any other kind of URL."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UrlRefused(f"{url!r} is no URL ({error}); {_REMEDY}") from None
    if parts.scheme != "file":
        what = f"this version does not know {parts.scheme}://" if parts.scheme else "it has no scheme"
        raise UrlRefused(f"{url!r}: {what}; {_REMEDY}")
    path = Path(unquote(parts.path))
    more = parts.netloc or parts.query or parts.fragment
    if more or not path.is_absolute() or ".." in path.parts or "\0" in str(path):
        raise UrlRefused(f"{url!r} is no absolute path on this machine; {_REMEDY}")
    return path
