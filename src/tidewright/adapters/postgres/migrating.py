"""The schema up and down. Beside the migrations, the one module that imports Alembic."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tidewright.adapters.postgres.connection import SCHEMA, Address, DatabaseRefused
from tidewright.adapters.postgres.database import Connection, Database
from tidewright.adapters.postgres.schema import REVISION, VERSION_TABLE, check_schema

READER, WRITER, MIGRATOR = ROLES = ("tidewright_reader", "tidewright_writer", "tidewright_migrator")
"""Who may read; who may write as well, what services write; who owns the schema. Users of the server are made members of them."""

EMPTY = "base"
"""The revision before the first: no tables."""

_LONGEST = 3_600.0
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('tidewright migrations'))"


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the schema's history."""

    revision: str
    about: str


Tell = Callable[[Migration], object]


def migrations() -> list[Migration]:
    """All of them, the oldest first."""
    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return [Migration(script.revision, script.doc) for script in reversed(list(found))]


async def current(address: Address) -> str | None:
    """The migration that a database stands at; None where it has no schema of ours. Raises ArchiveUnavailable."""
    return await Database(address, 0, checked=False).run_sync(_revision)


async def upgrade(address: Address, to: str = REVISION, tell: Tell = lambda migration: None) -> None:
    """Bring a database to a newer schema, or change nothing at all; `tell` is told each step that was made.

    Raises ArchiveUnavailable, and DatabaseRefused where the user may not, or the schema is newer already.
    """

    def work(connection: Connection) -> None:
        _prepare(connection, address)
        if (found := _revision(connection)) is not None and found > REVISION:
            check_schema(found, address.name)
        command.upgrade(_config(connection, tell), to)

    await _migrate(address, work)


async def downgrade(address: Address, to: str, tell: Tell = lambda migration: None) -> None:
    """Bring a database to an older schema, or change nothing at all: tables that it does not have are dropped with what is in them. Raises as `upgrade`."""

    def work(connection: Connection) -> None:
        found = _revision(connection)
        if found is None or found > REVISION:
            check_schema(found, address.name)
        _prepare(connection, address)
        command.downgrade(_config(connection, tell), to)

    await _migrate(address, work)


async def _migrate(address: Address, work: Callable[[Connection], None]) -> None:
    patient = replace(address, command_timeout=_LONGEST, lock_timeout=_LONGEST)
    await Database(patient, 0, checked=False).run_sync(work)


def _config(connection: Connection | None = None, tell: Tell = lambda migration: None) -> Config:
    def applied(step: Any, **_: object) -> None:  # noqa: ANN401 - as Alembic has it
        tell(Migration(step.up_revision_id, step.up_revision.doc))

    config = Config()
    config.set_main_option("script_location", "tidewright.adapters.postgres:migrations")
    config.attributes |= {"connection": connection, "applied": applied}
    return config


def _prepare(connection: Connection, address: Address) -> None:
    """One at a time, and as the schema's owner."""
    connection.exec_driver_sql(_LOCK)
    missing = [role for role in ROLES if not _ask(connection, "SELECT true FROM pg_roles WHERE rolname = $1", role)]
    grants = {READER: [f"GRANT {READER} TO {WRITER}"], WRITER: [f"GRANT {READER} TO {WRITER}"]}
    grants[MIGRATOR] = [f"GRANT {MIGRATOR} TO CURRENT_USER"]
    statements = [f"CREATE ROLE {role} NOLOGIN" for role in missing]
    statements += dict.fromkeys(grant for role in missing for grant in grants[role])
    may = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = CURRENT_USER"
    if statements and not _ask(connection, may):
        commands = "; ".join(statements).replace("CURRENT_USER", str(_ask(connection, "SELECT CURRENT_USER::text")))
        raise DatabaseRefused(f"{address.name}: roles are missing, which this user may not create; let an administrator run: {commands}")  # fmt: skip
    for statement in statements:
        connection.exec_driver_sql(statement)
    if not _ask(connection, "SELECT to_regnamespace($1)::text", SCHEMA):
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {MIGRATOR}")
    connection.exec_driver_sql(f"SET LOCAL ROLE {MIGRATOR}")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}")


def _revision(connection: Connection) -> str | None:
    table = f"{SCHEMA}.{VERSION_TABLE}"
    if not _ask(connection, "SELECT to_regclass($1)::text", table):
        return None
    found: str | None = _ask(connection, f"SELECT version_num FROM {table}")  # noqa: S608 - a name of ours
    return found


def _ask(connection: Connection, statement: str, *arguments: str) -> Any:  # noqa: ANN401 - whatever is asked for
    return connection.exec_driver_sql(statement, arguments).scalar()
