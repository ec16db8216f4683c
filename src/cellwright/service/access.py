"""Who may: bearer tokens whose secrets are kept as argon2 hashes, results of one each.

A token is ``cw_ID_SECRET``. The ID finds its row; the secret is checked against the hash.
A secret that was right is remembered, as a plain checksum in memory only, because argon2
is slow on purpose.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from functools import cached_property
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellwright.errors import ConfigError
from cellwright.service.records import now
from cellwright.service.store import Store
from cellwright.service.tables import Token

LOCAL_OWNER = "local"
"""Owner of everything where the service is open to this machine only."""

_TOKEN = re.compile(r"cw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[\w .@-]{1,100}")
_REMEMBERED = 1000


class Access:
    """Makes tokens and recognises them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hasher = PasswordHasher()
        self._known: dict[str, str] = {}
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

    def count_tokens(self) -> int:
        """How many there are."""
        with Session(self._store.engine) as session:
            return session.scalar(select(func.count()).select_from(Token)) or 0

    def remembered(self, token: str) -> str | None:
        """As :meth:`owner_of`, of a token that was right before; takes no time."""
        return self._known.get(hashlib.sha256(token.encode()).hexdigest())

    def owner_of(self, token: str) -> str | None:
        """The owner a token stands for, or None if it is no token of this service."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        digest = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            if digest in self._known:
                return self._known[digest]
            return self._checked(digest, parts[1], parts[2])

    def _checked(self, digest: str, token_id: str, secret: str) -> str | None:
        # One at a time: each check takes 64 MiB of memory.
        with Session(self._store.engine) as session:
            row = session.get(Token, token_id)
            held = self._nobody if row is None else row.secret_hash
        try:
            self._hasher.verify(held, secret)
        except (VerificationError, InvalidHashError):
            return None
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[digest] = token_id
        return token_id
