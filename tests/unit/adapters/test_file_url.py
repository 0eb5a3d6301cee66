from pathlib import Path

import pytest

from tidewright.adapters.file_url import UrlRefused, path_of


@pytest.mark.parametrize("path", ["/data", "/a b/ü", "/a%20b", "/with#mark?and more"])
def test_the_url_of_a_path_is_the_path(path):
    assert path_of(Path(path).as_uri()) == Path(path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("s3://bucket/key", "this version does not know s3://"),
        ("/data", "it has no scheme"),
        ("data", "it has no scheme"),
        ("", "it has no scheme"),
        ("file://", "is no absolute path"),
        ("file://data/bars", "is no absolute path"),
        ("file:bars", "is no absolute path"),
        ("file:///data/../etc", "is no absolute path"),
        ("file:///data?x=1", "is no absolute path"),
        ("file:///data%00", "is no absolute path"),
        ("file://[data", "is no URL"),
    ],
)
def test_anything_else_is_refused_with_what_there_is(url, why):
    with pytest.raises(UrlRefused, match=f"{why}.*write file:// and an absolute path, such as file:///data"):
        path_of(url)
