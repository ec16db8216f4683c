"""Files of the service: images by the checksum of their content, results by job and place.

No name that a client gave ever becomes part of a path here.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cellwright.errors import ImageError
from cellwright.images.headers import kind_of, read_header
from cellwright.images.picture import check_size
from cellwright.images.read import open_image
from cellwright.service.records import NewImage
from cellwright.service.settings import Limits
from cellwright.service.unfinished import remove_left_behind, unfinished_name

SUFFIX_OF_KIND = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif"}
MAX_NAME = 150
"""Bytes of a name in UTF-8: file systems take 255, of which numbers and endings need some."""

_BLOCK = 1 << 20


class TooLargeError(ImageError):
    """An upload over a limit of the service."""


@dataclass(frozen=True)
class Files:
    """The folder of the service.

    Attributes:
        root: holds ``images/``, ``tiles/`` and ``results/``.
        limits: of one upload.
    """

    root: Path
    limits: Limits

    def image(self, sha256: str, suffix: str) -> Path:
        """Where the image of this content lies."""
        return self.root / "images" / sha256[:2] / f"{sha256}{suffix}"

    def tiles(self, sha256: str) -> Path:
        """Folder of the tiles of the image of this content."""
        return self.root / "tiles" / sha256[:2] / sha256

    def result(self, job_id: str, position: int, name: str) -> Path:
        """Where a picture of a result lies, or would."""
        return self.root / "results" / job_id / f"{position}-{name}"

    def forget_image(self, sha256: str, suffix: str) -> None:
        """Delete an image that no job uses, and what was made of it."""
        self.image(sha256, suffix).unlink(missing_ok=True)
        shutil.rmtree(self.tiles(sha256), ignore_errors=True)

    def forget_results(self, job_id: str) -> None:
        """Delete all pictures of a job's results."""
        shutil.rmtree(self.root / "results" / job_id, ignore_errors=True)

    def remove_left_behind(self) -> None:
        """Delete what processes that were killed had begun to receive or to make."""
        remove_left_behind((self.root / "incoming").glob("*"))
        remove_left_behind((self.root / "tiles").glob("*/.*"))

    def keep(self, stream: BinaryIO, name: str) -> NewImage:
        """Check an upload as :meth:`received` and keep it under its content's name."""
        (image,) = self.keep_all([(stream, name)])
        return image

    def keep_all(self, uploads: Iterable[tuple[BinaryIO, str]]) -> list[NewImage]:
        """Keep uploads as :meth:`keep`, or none of them where one is refused."""
        with ExitStack() as stack:
            received = [stack.enter_context(self.received(*upload)) for upload in uploads]
            for temporary, image in received:
                target = self.image(image.sha256, image.suffix)
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(target)
        return [image for _, image in received]

    @contextmanager
    def received(self, stream: BinaryIO, name: str) -> Iterator[tuple[Path, NewImage]]:
        """An upload on disk while the block lasts, found by its header to be an image.

        Raises:
            TooLargeError: more bytes, or by its header more values, than the limits allow.
            ImageError: not an image that can be read.
        """
        shown = shown_name(name)
        temporary = self.root / "incoming" / unfinished_name()
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            digest, n_bytes = self._receive(stream, temporary, shown)
            try:
                kind, height, width = self._look(temporary, shown)
            except ImageError as error:
                what = error.what.replace(str(temporary), shown)
                raise type(error)(what, where=shown, remedy=error.remedy) from error
            suffix = SUFFIX_OF_KIND[kind]
            yield temporary, NewImage(digest, suffix, n_bytes, height, width, shown)
        finally:
            temporary.unlink(missing_ok=True)

    def _receive(self, stream: BinaryIO, target: Path, shown: str) -> tuple[str, int]:
        digest, n_bytes = hashlib.sha256(), 0
        with target.open("wb") as file:
            while block := stream.read(_BLOCK):
                n_bytes += len(block)
                if n_bytes > self.limits.file_bytes:
                    raise TooLargeError(
                        f"the file is larger than {self.limits.file_bytes >> 20} MiB",
                        where=shown,
                        remedy="upload a smaller file, or use `cellwright predict` for it",
                    )
                digest.update(block)
                file.write(block)
        return digest.hexdigest(), n_bytes

    def _look(self, path: Path, shown: str) -> tuple[str, int, int]:
        """Kind, height and width, without decoding pixels."""
        kind = kind_of(path)
        if kind == "TIFF":
            with open_image(path) as image:
                shape = image.shape
        else:
            header = read_header(path, kind)
            shape = (header.channels, header.height, header.width)
        if min(shape) >= 1 and shape[0] * shape[1] * shape[2] > self.limits.values:
            raise TooLargeError(
                f"{shape[2]} x {shape[1]} pixels in {shape[0]} channels are more than the limit "
                f"of {self.limits.values} values",
                where=shown,
                remedy="upload a smaller image, or use `cellwright predict` for it",
            )
        check_size(shape, max_pixels=self.limits.values, where=path)
        return kind, shape[1], shape[2]


def shown_name(name: str) -> str:
    r"""What a client calls a file, as one harmless line without folders.

    >>> shown_name("../../etc/pass\nwd.png"), shown_name(r"C:\x\a.png"), shown_name("..")
    ('passwd.png', 'a.png', 'image')
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    clean = "".join(letter for letter in last if letter.isprintable())
    clean = clean.encode()[-MAX_NAME:].decode(errors="ignore").strip()
    return "image" if clean in ("", ".", "..") else clean
