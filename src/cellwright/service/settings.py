"""What whoever starts the service decides: where it keeps things and what it accepts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cellwright.errors import ConfigError

API = "/api/v1"
"""Where the API begins; everything else is the page."""


@dataclass(frozen=True)
class Limits:
    """The most that one request may bring.

    Attributes:
        file_bytes: of one image file.
        request_bytes: of a whole upload.
        values: channels x height x width of one image, by its header.
        images: in one job.
        boxes: in the corrections of one image.
        corners: of all cells that are drawn on one image.
        json_bytes: of a request that is no upload.
        uploads: requests with a body, of each kind, that are received at once; more wait.
        stall_s: how long a body may keep the service waiting, beside what
            :attr:`slowest_bytes` a second need.
        slowest_bytes: that a client must send in a second.
        per_second: requests of one token, or one address, a second in the long run.
        burst: requests of one token, or one address, at once.
    """

    file_bytes: int = 256 << 20
    request_bytes: int = 1 << 30
    values: int = 400_000_000
    images: int = 500
    boxes: int = 100_000
    corners: int = 1_000_000
    json_bytes: int = 32 << 20
    uploads: int = 64
    stall_s: float = 60.0
    slowest_bytes: int = 50_000
    per_second: float = 100.0
    burst: int = 1000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1 and name not in ("stall_s", "per_second"):
                raise ConfigError(f"the limit {name} of the service must be 1 or more")
            if not value > 0:
                raise ConfigError(f"the limit {name} of the service must be above 0")


@dataclass(frozen=True)
class ServiceSettings:
    """Everything that a running service needs to know.

    Attributes:
        folder: images, results and, by default, the database.
        database: SQLAlchemy URL; empty for a SQLite file in ``folder``.
        bundles: paths of bundles served beside those that come with Cellwright.
        closed: whether every request needs a token.
        runtime: as for ``cellwright predict``.
        threads: processor threads; None lets the runtime choose.
        limits: of uploads.
    """

    folder: Path
    database: str = ""
    bundles: tuple[Path, ...] = ()
    closed: bool = True
    runtime: str = "auto"
    threads: int | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def database_url(self) -> str:
        """The URL in use."""
        return self.database or f"sqlite:///{self.folder.absolute() / 'service.db'}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``.

    >>> [is_loopback(host) for host in ("127.0.0.2", "::1", "localhost", "0.0.0.0", "lab.example")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
