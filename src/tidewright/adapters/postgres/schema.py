"""Which schema this version works with, and what to do where a database has another."""

from typing import Any

from tidewright.adapters.postgres.connection import SCHEMA, DatabaseRefused

REVISION = "0006"
"""The newest migration; they are numbered in their order."""

VERSION_TABLE = "schema_version"


async def revision_of(driver: Any) -> str | None:  # noqa: ANN401 - asyncpg comes without types
    """The migration that a database stands at; None where it has no schema of ours."""
    table = f"{SCHEMA}.{VERSION_TABLE}"
    if await driver.fetchval("SELECT to_regclass($1)", table) is None:
        return None
    found: str | None = await driver.fetchval(f"SELECT version_num FROM {table}")  # noqa: S608 - a name of ours
    return found


def check_schema(found: str | None, database: str) -> None:
    """Raises DatabaseRefused, with the command that mends it, for any schema but this version's."""
    if found == REVISION:
        return
    if found is None:
        raise DatabaseRefused(f"{database} has no schema of Tidewright yet; run `tidewright db upgrade`")
    if found < REVISION:
        raise DatabaseRefused(
            f"{database} has the schema {found}, and this version needs {REVISION}; run `tidewright db upgrade`"
        )
    raise DatabaseRefused(
        f"{database} has the schema {found}, which is newer than this version's {REVISION}; "
        f"install the newer version here, or run its `tidewright db downgrade {REVISION}`"
    )
