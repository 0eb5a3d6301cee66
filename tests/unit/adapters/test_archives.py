import asyncio

import pytest

from tidewright.adapters.archives import archive_at, ready_archive
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.memory_archive import MemoryArchive
from tidewright.adapters.postgres.archive import PostgresArchive
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.migrating import downgrade


@pytest.mark.parametrize("url", ["", "memory", "redis://localhost", "file:///data"])
def test_what_names_no_archive_is_refused_with_what_does(url):
    with pytest.raises(UrlRefused, match="is no archive; write postgresql://"):
        archive_at(url)


def test_a_url_names_an_archive(database_url):
    assert isinstance(ready_archive("memory:"), MemoryArchive)
    assert isinstance(ready_archive(database_url), PostgresArchive)


def test_a_service_does_not_start_on_another_schema(database_url):
    asyncio.run(downgrade(Address(database_url), "0003"))

    with pytest.raises(UrlRefused, match=r"has the schema 0003, .* run `tidewright db upgrade`"):
        ready_archive(database_url)


def test_a_server_that_is_away_may_come_back():
    assert isinstance(ready_archive("postgresql://127.0.0.1:1/gone"), PostgresArchive)
