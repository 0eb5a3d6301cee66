"""How Alembic runs the migrations: on the connection that `tidewright.adapters.postgres.migrating` has opened, all of them in its one transaction."""

from alembic import context

from tidewright.adapters.postgres.connection import SCHEMA
from tidewright.adapters.postgres.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    on_version_apply=context.config.attributes["applied"],
)
with context.begin_transaction():
    context.run_migrations()
