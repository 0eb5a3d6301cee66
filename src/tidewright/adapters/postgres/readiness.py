"""Whether a service may start on a database."""

from tidewright.adapters.postgres.blocking import Blocking
from tidewright.adapters.postgres.connection import Address, DatabaseRefused
from tidewright.adapters.postgres.database import Database, Transaction
from tidewright.ports import ArchiveUnavailable


def refusal_of(url: str) -> str:
    """Why not, with what mends it; nothing where it may, or where the server is away and may come back. Raises UrlRefused."""

    async def ask(transaction: Transaction) -> None:
        await transaction.value("SELECT 1")

    try:
        Blocking(Database(Address(url), 0)).do(ask)
    except DatabaseRefused as error:
        return str(error)
    except ArchiveUnavailable:
        return ""
    return ""
