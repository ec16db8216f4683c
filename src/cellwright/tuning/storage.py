"""Where the trials of a study are kept, so that several processes can share them.

A journal file serves the processes of one machine or one shared folder; SQLite one machine;
PostgreSQL any number of machines.
"""

from __future__ import annotations

import re
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cellwright.errors import ConfigError, MissingExtraError
from cellwright.images.write import make_folder

SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")
ATTEMPTS = 6
"""Two processes that make the tables at one time: one of them fails, and finds them made."""

WAIT_S = 60
"""How long SQLite waits for another process's transaction."""


def open_storage(where: str) -> Any:
    """An Optuna storage.

    Args:
        where: a path of a journal file, ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.

    Raises:
        ConfigError: another kind of address, or no connection.
        MissingExtraError: Optuna, or the driver of PostgreSQL, is not installed.
    """
    require_optuna()
    from optuna.storages import JournalStorage  # noqa: PLC0415 - an optional extra
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    scheme, separator, _ = where.partition("://")
    if not separator:
        return JournalStorage(JournalFileBackend(_new_file(Path(where))))
    if scheme not in SCHEMES:
        raise ConfigError(
            f"no storage for {scheme}://",
            remedy="give the path of a journal file, sqlite:///FILE or postgresql://USER@HOST/NAME",
        )
    if scheme == "sqlite":
        _new_file(Path(where.removeprefix("sqlite:///")))
        return _database(where, {"connect_args": {"timeout": WAIT_S}})
    if find_spec("psycopg") is None:
        raise MissingExtraError("psycopg", "tune")
    address = where.replace("postgresql://", "postgresql+psycopg://", 1)
    return _database(address, {"pool_pre_ping": True})


def require_optuna() -> None:
    """Stop early where the extra is not installed.

    Raises:
        MissingExtraError: as said.
    """
    if find_spec("optuna") is None:
        raise MissingExtraError("optuna", "tune")


def _new_file(path: Path) -> str:
    make_folder(path.parent)
    return str(path)


def _database(url: str, engine_kwargs: dict[str, Any]) -> Any:
    import optuna  # noqa: PLC0415 - an optional extra
    from sqlalchemy import event  # noqa: PLC0415 - comes with Optuna
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    for attempt in range(ATTEMPTS):
        try:
            storage = optuna.storages.RDBStorage(url, engine_kwargs=engine_kwargs)
            break
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            if attempt == ATTEMPTS - 1:
                reason = str(error).splitlines()[0]
                raise ConfigError(
                    f"the storage cannot be opened ({reason})", where=without_password(url)
                ) from error
            time.sleep(0.2 * 2**attempt)
    if url.startswith("sqlite"):
        # SQLite has no row locks, and the driver would begin a transaction only at its first
        # write: two processes could read one waiting trial and both take it.
        event.listen(storage.engine, "connect", _begin_by_hand)
        event.listen(storage.engine, "begin", _begin_at_once)
        storage.engine.dispose()
    return storage


def _begin_by_hand(connection: Any, _: Any) -> None:
    connection.isolation_level = None


def _begin_at_once(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def without_password(url: str) -> str:
    """An address as it may be shown.

    >>> without_password("postgresql://ann:secret@host/lab")
    'postgresql://ann:***@host/lab'
    """
    return re.sub(r"(://[^:/@]+):[^@]+@", r"\1:***@", url)
