"""Getting a public set from its source: download, check, unpack, arrange.

Nothing is visible under the set's name before all of it is there. Archives come from
the servers as they are: where no checksum was published, the one of the first
download is kept as ``NAME.sha256`` beside the set, and a later download must match it.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

import pooch

from cellwright.data.cache import cache_folder
from cellwright.data.datasets import public_set
from cellwright.data.datasets.public_set import PublicSet
from cellwright.data.formats.layout import fill_once, is_filled
from cellwright.errors import DatasetError
from cellwright.images.write import atomic_path

MAX_UNPACKED_BYTES = 8 * 2**30
MAX_FILES = 200_000
TIMEOUT_S = 30


class DownloadProgress(Protocol):
    """What a download tells: bytes expected, bytes come, begun anew, done."""

    total: int

    def update(self, n_bytes: int) -> None:
        """So many bytes more have come."""

    def reset(self) -> None:
        """Count from zero again."""

    def close(self) -> None:
        """The download is over."""


def fetch(
    name: str,
    *,
    to: Path | None = None,
    base_url: str | None = None,
    progress: DownloadProgress | None = None,
) -> Path:
    """Download a public set unless it is there already.

    Args:
        name: a row of :data:`cellwright.data.datasets.DATASETS`.
        to: the folder that receives ``NAME/``; None is Cellwright's cache folder.
        base_url: a mirror that holds ``NAME.zip``; None is the set's own source.
        progress: told of the bytes that come.

    Returns:
        The set's folder.

    Raises:
        UnknownNameError: no such set.
        DatasetError: no connection, another checksum than expected, or an archive that is
            damaged, hostile or laid out differently than this row expects; or a set whose
            licence is not known, which is not downloaded.
    """
    row = public_set(name)
    home = cache_folder() if to is None else to
    target = home / row.name
    if is_filled(target):
        return target
    if row.arrange is None:
        raise DatasetError(
            f"is not downloaded for you: its licence is {row.licence}",
            where=row.name,
            remedy=f"read the terms at {row.url}; if they allow your use, get it there and put a "
            f"folder a class ({', '.join(row.classes)}) into {target}",
        )
    url = row.url if base_url is None else f"{base_url.rstrip('/')}/{row.name}.zip"
    pin = home / f"{row.name}.sha256"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{row.name}.", dir=home) as scratch:
        archive = Path(scratch, "archive.zip")
        _download(url, archive, progress)
        digest = _checked_digest(archive, row, pin)
        published = unpack(archive, Path(scratch, "published"))
        # Another process may be at the same set: the folder of the first stays.
        source = _source(row, url, digest)
        fill_once(target, partial(_fill, row.arrange, published, url=url, source=source))
    if not pin.is_file():
        with atomic_path(pin) as temporary:
            temporary.write_text(f"{digest}  {url}\n", encoding="utf-8")
    return target


def _fill(
    arrange: Callable[[Path, Path], None], published: Path, folder: Path, *, url: str, source: str
) -> None:
    """Arrange what was published in ``folder``, and say where it is from."""
    try:
        arrange(published, folder)
    except OSError as error:
        raise DatasetError(
            f"the archive lacks what this set should hold ({error})", where=url
        ) from error
    (folder / "SOURCE.txt").write_text(source, encoding="utf-8")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip of one top folder, and return that folder.

    Raises:
        DatasetError: damaged, too large, with links, or with paths that lead out.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            entries = content.infolist()
            _refuse_hostile(entries, archive)
            content.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DatasetError(
            f"is not a readable zip ({error})", where=archive, remedy="download it again"
        ) from error
    tops = sorted(path for path in folder.glob("*") if path.is_dir())
    if len(tops) != 1:
        raise DatasetError(f"holds {len(tops)} top folders, not one", where=archive)
    return tops[0]


def _refuse_hostile(entries: list[zipfile.ZipInfo], archive: Path) -> None:
    n_bytes = sum(entry.file_size for entry in entries)
    if n_bytes > MAX_UNPACKED_BYTES or len(entries) > MAX_FILES:
        raise DatasetError(
            f"would unpack to {len(entries)} files of {n_bytes / 2**30:.1f} GiB: too large",
            where=archive,
        )
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
            raise DatasetError(f"the path {entry.filename!r} leads out of it", where=archive)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DatasetError(f"{entry.filename!r} is a link: refused", where=archive)


def _download(url: str, archive: Path, progress: DownloadProgress | None) -> None:
    downloader = pooch.HTTPDownloader(progressbar=progress or False, timeout=TIMEOUT_S)
    try:
        downloader(url, str(archive), None)
    except OSError as error:
        # Every error of the HTTP library is an OSError too.
        raise DatasetError(
            f"could not be downloaded ({error})",
            where=url,
            remedy="check the connection and try again",
        ) from error


def _checked_digest(archive: Path, row: PublicSet, pin: Path) -> str:
    digest: str = pooch.file_hash(str(archive), alg="sha256")
    pinned = pin.read_text(encoding="utf-8").split()[0] if pin.is_file() else None
    expected = row.sha256 or pinned
    if expected not in (None, digest):
        raise DatasetError(
            f"the archive's SHA-256 is {digest}, not {expected}",
            where=row.name,
            remedy=f"download it again; if the source changed on purpose, remove {pin}",
        )
    return digest


def _source(row: PublicSet, url: str, digest: str) -> str:
    flaws = "".join(f"  - {flaw}\n" for flaw in row.known_flaws)
    return (
        f"{row.name}: {row.title}\nLicence: {row.licence}\nCite: {row.citation}\n"
        f"Source: {url}\nSHA-256 of the archive: {digest}\nKnown flaws:\n{flaws}"
    )
