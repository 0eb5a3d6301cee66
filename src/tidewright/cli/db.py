# ruff: noqa: PLC0415 - help must not wait for imports
"""``tidewright db``: the schema of a database."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tidewright.cli.market_options import Refused

if TYPE_CHECKING:
    from tidewright.adapters.postgres.connection import Address
    from tidewright.adapters.postgres.migrating import Migration, Tell

_url = click.option(
    "--url",
    envvar="TIDEWRIGHT_DATABASE",
    required=True,
    metavar="URL",
    show_envvar=True,
    help="The database: postgresql://user:password@host:5432/database?sslmode=verify-full",
)


@click.group()
def db() -> None:
    """Make a PostgreSQL database ready for Tidewright, and keep its schema as this version needs it.

    Services never change a schema: they refuse to start on one that is not theirs, and name the command here that mends it. An
    upgrade happens as a whole or not at all, and one at a time.

    \b
    Examples:
      export TIDEWRIGHT_DATABASE=postgresql://tidewright@db.example.com/tidewright
      tidewright db current
      tidewright db upgrade
      tidewright db check && echo ready

    A password belongs in a file: ?passfile=/run/secrets/pgpass, or ~/.pgpass.
    Roles, settings and the tables: docs/postgres.md.
    """


@db.command()
@_url
@click.option("--to", metavar="REVISION", help="How far, such as 0003  [default: to what this version needs]")
def upgrade(url: str, to: str | None) -> None:
    """Bring the schema up to date; data stay.

    The first time it also makes the roles tidewright_reader, tidewright_writer and tidewright_migrator, for which the user must be
    allowed to create roles; later a member of tidewright_migrator will do.

    \b
    Examples:
      tidewright db upgrade --url postgresql://postgres@localhost/tidewright
      tidewright db upgrade --to 0003
    """
    from tidewright.adapters.postgres import migrating
    from tidewright.adapters.postgres.schema import REVISION

    _known(to)
    made = _migrated(url, lambda address, tell: migrating.upgrade(address, to or REVISION, tell))
    if not made:
        click.echo("Nothing to do: the schema is up to date.")


@db.command()
@_url
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(url: str, revision: str, yes: bool) -> None:
    """Bring the schema back to REVISION, such as 0003; `base` takes everything out.

    Tables that the older schema does not have are dropped with what is in them: make a backup first.

    \b
    Examples:
      tidewright db downgrade 0003
      tidewright db downgrade base --yes
    """
    from tidewright.adapters.postgres import migrating
    from tidewright.adapters.postgres.connection import Address

    _known(None if revision == migrating.EMPTY else revision)
    with _told():
        found = asyncio.run(migrating.current(Address(url)))
    undone = [
        each for each in migrating.migrations() if each.revision <= (found or "") and each.revision > _order(revision)
    ]
    for each in reversed(undone):
        click.echo(f"{each.revision} will be taken back: {each.about}")
    if not undone:
        click.echo(f"Nothing to do: the schema is at {found or migrating.EMPTY}.")
        return
    if not yes:
        click.confirm("What these brought will be dropped, with all data in it. Go on?", abort=True)
    _migrated(url, lambda address, tell: migrating.downgrade(address, revision, tell))


@db.command()
@_url
def current(url: str) -> None:
    """Print which schema the database has, and which this version needs.

    \b
    Examples:
      tidewright db current --url postgresql://reader@localhost/tidewright
    """
    from tidewright.adapters.postgres import migrating
    from tidewright.adapters.postgres.connection import Address
    from tidewright.adapters.postgres.schema import REVISION

    with _told():
        found = asyncio.run(migrating.current(Address(url)))
    click.echo(f"The database has {found or 'no schema yet'}; this version needs {REVISION}.")
    for each in migrating.migrations():
        click.echo(f"  {'x' if found and each.revision <= found else ' '} {each.revision}  {each.about}")


@db.command()
@_url
def check(url: str) -> None:
    """Find out whether services of this version would start on the database, and say what mends it where they would not.

    \b
    Examples:
      tidewright db check || tidewright db upgrade

    Exit codes: 0 they would, 1 the server is away, 2 they would refuse.
    """
    from tidewright.adapters.postgres.archive import PostgresArchive

    with _told():
        archive = PostgresArchive.at(url, most=0)
        asyncio.run(archive.check())
    click.echo("The database is there, and its schema is this version's.")


def _migrated(url: str, migrate: "Callable[[Address, Tell], Coroutine[Any, Any, None]]") -> int:
    """How many migrations were made."""
    from tidewright.adapters.postgres.connection import Address

    made: list[Migration] = []
    with _told():
        asyncio.run(migrate(Address(url), made.append))
    for each in made:
        click.echo(f"{each.revision}  {each.about}")
    return len(made)


def _known(revision: str | None) -> None:
    from tidewright.adapters.postgres.migrating import migrations

    known = [each.revision for each in migrations()]
    if revision is not None and revision not in known:
        raise click.UsageError(f"{revision!r} is no revision of this version; there are {', '.join(known)}.")


def _order(revision: str) -> str:
    from tidewright.adapters.postgres.migrating import EMPTY

    return "" if revision == EMPTY else revision


@contextmanager
def _told() -> Iterator[None]:
    from tidewright.adapters.file_url import UrlRefused
    from tidewright.adapters.postgres.connection import DatabaseRefused

    try:
        yield
    except (UrlRefused, DatabaseRefused) as error:
        raise Refused(str(error)) from error
