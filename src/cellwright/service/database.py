"""Opens the database behind the store and brings its tables up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from cellwright.errors import ConfigError
from cellwright.images.write import make_folder

MIGRATIONS = Path(__file__).parent / "migrations"

NEWEST = "0003"
"""The last of the migrations."""

WAIT_SECONDS = 30
"""How long a connection to an SQLite file waits for another's transaction."""

READS = "cellwright_reads"
"""Execution option of a connection that only reads."""

LOCK = 0x63656C6C
"""Number of the lock that guards the tables while they change."""


def open_database(url: str) -> Engine:
    """The database at a SQLAlchemy URL, migrated.

    Raises:
        ConfigError: the URL is none, its driver is missing, or nobody answers there.
    """
    try:
        engine = _engine(url)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # Of two processes that start at once, one makes the tables.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            if _version(connection) != NEWEST:
                _migrate(connection)
    except (ArgumentError, NoSuchModuleError, DBAPIError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"the database cannot be opened ({str(error).splitlines()[0]})",
            where=_without_password(url),
            remedy="check the URL, as sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME",
        ) from error
    return engine


def reading(engine: Engine) -> Engine:
    """The same database for transactions that only read, which wait for no writer."""
    return engine.execution_options(**{READS: True})


def _version(connection: Connection) -> str | None:
    """Of the tables as they are; None of an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _migrate(connection: Connection) -> None:
    # Only a start that changes tables waits for Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        make_folder(Path(parsed.database).parent)
    engine = create_engine(parsed, connect_args={"timeout": WAIT_SECONDS})

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        # The driver would begin transactions late and never around a change of tables.
        connection.isolation_level = None
        cursor = connection.cursor()
        _keep_log(cursor)
        # A row is on disk when its transaction returns.
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # At once for writing: one that reads first could find, when it writes, that it may not.
        only_reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine


def _keep_log(cursor: sqlite3.Cursor) -> None:
    """Put the file into write-ahead logging, so that readers and a writer do not wait.

    SQLite does not wait at this one step: where another process is in the file at the same
    moment it says at once that the file is locked, whatever the connection's timeout.
    """
    give_up = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the database URL"
