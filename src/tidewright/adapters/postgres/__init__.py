"""PostgreSQL: the archive of market data, the bars that a run reads, the book of runs, and the schema that they share.

Belongs here: what speaks to PostgreSQL, and the migrations. SQLAlchemy is imported by `database` alone, asyncpg by `connection`, Alembic by `migrating` and the migrations.
Does not belong here: a server of our own (`tidewright.adapters.embedded_postgres`).
"""
