import signal
import subprocess
import sys

import asyncpg
import pytest

from tidewright.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def asked(url, statement):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_was_written_outlives_a_stop_and_a_crash(tmp_path):
    server = EmbeddedPostgres(tmp_path / "server")
    server.start()
    url = server.url
    await asked(url, "CREATE TABLE kept AS SELECT 7 AS number")
    for end in (server.stop, server.kill):
        end()
        assert server.pid is None
        server.start()
        assert server.url == url
        assert await asked(url, "SELECT number FROM kept") == 7
    server.stop()
    server.stop()


async def test_it_outlives_its_parent_and_is_taken_over(tmp_path):
    code = (
        "import sys, os, signal; from pathlib import Path; from tidewright.adapters.embedded_postgres import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1]), durable=False).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, tmp_path / "server"], check=False)
    assert ended.returncode == -signal.SIGKILL

    with EmbeddedPostgres(tmp_path / "server") as server:
        assert await asked(server.url, "SELECT 1") == 1
        assert await asked(server.url, "SHOW fsync") == "off"
    assert server.pid is None


async def test_only_who_has_the_password_is_let_in(tmp_path):
    with EmbeddedPostgres(tmp_path / "a folder", durable=False) as server:
        assert (tmp_path / "a folder" / "password").stat().st_mode & 0o077 == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asked(server.url.replace("postgres:", "postgres:no"), "SELECT 1")


def test_a_server_that_does_not_start_says_why(tmp_path):
    server = EmbeddedPostgres(tmp_path / "server", durable=False)
    with server:
        pass
    (tmp_path / "server" / "data" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedPostgresFailed, match="initialized by PostgreSQL version 9"):
        server.start()
