"""Who may: bearer tokens whose secrets are kept as argon2 hashes, results of one each.

A token is ``cw_ID_SECRET``. The ID finds its row; the secret is checked against the hash.
A secret that was right is remembered, as a plain checksum in memory only, because argon2
is slow on purpose; whether its token is still there is looked up again now and then.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellwright.errors import ConfigError, UnknownNameError
from cellwright.service.database import reading
from cellwright.service.records import now
from cellwright.service.store import Store
from cellwright.service.tables import Token

LOCAL_OWNER = "local"
"""Owner of everything where the service is open to this machine only."""

_TOKEN = re.compile(r"cw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[\w .@-]{1,100}")
_REMEMBERED = 1000

LOOK_AGAIN_S = 60.0
"""How long a token that was right is taken without a look at the store."""


@dataclass(frozen=True)
class _Known:
    """A token that was right: whose it is, and when it was last seen in the store."""

    owner: str
    seen: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.seen < LOOK_AGAIN_S


class Access:
    """Makes tokens and recognises them."""

    def __init__(self, store: Store) -> None:
        self._store, self._reading = store, reading(store.engine)
        self._hasher = PasswordHasher()
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    @cached_property
    def _nobody(self) -> str:
        """Checked where there is no such ID, so that both answers take the same time."""
        return self._hasher.hash(secrets.token_urlsafe(32))

    def create_token(self, name: str) -> str:
        """A new token, to be shown once.

        Raises:
            ConfigError: the name is taken, empty or of odd letters.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot name a token", remedy="use letters, digits, blanks and . @ - _"
            )
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = Token(id=token_id, name=name, secret_hash=self._hasher.hash(secret), created=now())
        try:
            with Session(self._store.engine) as session, session.begin():
                session.add(row)
        except IntegrityError as error:
            raise ConfigError(
                f"there is a token {name!r} already", remedy="choose another name"
            ) from error
        self._store.audit(token_id, "token", name)
        return f"cw_{token_id}_{secret}"

    def revoke_token(self, name: str) -> None:
        """Take a token away; services that run notice it within :data:`LOOK_AGAIN_S`.

        Raises:
            UnknownNameError: there is none of this name.
        """
        with Session(self._store.engine) as session, session.begin():
            ids = {row.name: row.id for row in session.scalars(select(Token))}
            if name not in ids:
                raise UnknownNameError("token", name, ids)
            session.execute(delete(Token).where(Token.id == ids[name]))
        self._store.audit(ids[name], "revoke", name)

    def count_tokens(self) -> int:
        """How many there are."""
        with Session(self._reading) as session:
            return session.scalar(select(func.count()).select_from(Token)) or 0

    def remembered(self, token: str) -> str | None:
        """As :meth:`owner_of`, of a token that was right a moment ago; takes no time."""
        known = self._known.get(_digest(token))
        return known.owner if known is not None and known.fresh else None

    def was_right(self, token: str) -> bool:
        """Whether the token was right before, so that it is no guess."""
        return _digest(token) in self._known

    def owner_of(self, token: str) -> str | None:
        """The owner a token stands for, or None if it is no token of this service."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        digest = _digest(token)
        with self._lock:
            known = self._known.get(digest)
            if known is None:
                return self._checked(digest, parts[1], parts[2])
            return known.owner if known.fresh else self._seen_again(digest, known.owner)

    def _seen_again(self, digest: str, token_id: str) -> str | None:
        # The secret was right, and that of a token never changes.
        with Session(self._reading) as session:
            gone = session.get(Token, token_id) is None
        if gone:
            del self._known[digest]
            return None
        self._known[digest] = _Known(token_id, time.monotonic())
        return token_id

    def _checked(self, digest: str, token_id: str, secret: str) -> str | None:
        # One at a time: each check takes 64 MiB of memory.
        with Session(self._reading) as session:
            row = session.get(Token, token_id)
            held = self._nobody if row is None else row.secret_hash
        try:
            self._hasher.verify(held, secret)
        except (VerificationError, InvalidHashError):
            return None
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[digest] = _Known(token_id, time.monotonic())
        return token_id


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
