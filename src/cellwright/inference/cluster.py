"""The images of one run spread over the machines of a Dask cluster.

Every worker opens the same bundle, does whole images and writes into the same output folder,
so both must lie where all machines see them under one path. What travels is small: a name to
the worker, counts back. A worker that dies has its images given to others; an image that takes
worker after worker down with it becomes a row of ``errors.csv``.

Needs the extra ``cluster``. Dask sends Python objects between its processes, so a cluster is
for machines that trust each other; a bundle still runs no code.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.errors import BundleError, CellwrightError, ConfigError, MissingExtraError
from cellwright.inference.identity import NamedImage
from cellwright.inference.one_image import Outcome, do_image
from cellwright.inference.run import LoadedModel, RunOptions, Spread, load_model
from cellwright.inference.run_folder import RunFolder
from cellwright.inference.workers import plan_work

if TYPE_CHECKING:
    from distributed import Client, Future

TIMEOUT_S = 15.0
"""How long a scheduler may take to answer."""

MODELS_HELD = 2
"""Models that a worker keeps loaded."""


@dataclass(frozen=True)
class _Job:
    """What a worker must know to do images of a run; small, equal for all of them.

    Attributes:
        bundle: absolute path of the bundle.
        sha256: what it must be.
        out: absolute path of the output folder.
        options: what a user may set.
        runtime: the runtime in use.
        threads: processor threads of one worker process; None takes all it has.
        settings: of the run; a worker whose own differ must not add to it.
    """

    bundle: Path
    sha256: str
    out: Path
    options: RunOptions
    runtime: str
    threads: int | None
    settings: tuple[tuple[str, str | float | None], ...]


@contextmanager
def on_cluster(
    address: str, bundle: Bundle, options: RunOptions, *, threads: int | None = None
) -> Iterator[Spread]:
    """A ``Spread`` over the cluster whose scheduler is at ``address``, while it is needed.

    Args:
        address: such as ``tcp://host:8786``.
        bundle: as given to :func:`~cellwright.inference.run.load_model`.
        options: the same.
        threads: processor threads of one worker process; None takes all it has.

    Raises:
        MissingExtraError: Dask is not installed.
        CellwrightError: nobody answers there, or there is no worker.
    """
    client = _connect(address)

    def spread(
        model: LoadedModel, images: Sequence[NamedImage], folder: RunFolder
    ) -> Iterator[Outcome]:
        job = _Job(
            bundle=bundle.path.absolute(),
            sha256=bundle.sha256,
            out=folder.out.absolute(),
            options=options,
            runtime=model.work.runtime,
            threads=threads,
            settings=tuple(sorted(model.settings.items())),
        )
        yield from _outcomes(client, job, images)

    with client:
        yield spread


def _connect(address: str) -> Client:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and a second to import
    except ImportError as error:
        raise MissingExtraError("distributed", "cluster") from error
    try:
        client = Client(address, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise CellwrightError(
            f"no Dask scheduler answers ({error})",
            where=address,
            remedy="start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
        ) from error
    if not client.scheduler_info(n_workers=-1)["workers"]:
        client.close()
        raise CellwrightError(
            "the scheduler has no worker",
            where=address,
            remedy=f"start one on each machine: dask worker {address}",
        )
    return client


def _outcomes(client: Client, job: _Job, images: Sequence[NamedImage]) -> Iterator[Outcome]:
    """What became of each image, in the order they are done.

    Raises:
        CellwrightError: a worker cannot take part; the images not begun are left.
    """
    from distributed import as_completed  # noqa: PLC0415 - as above

    placed = [_absolute(image) for image in images]
    futures = client.map(_on_worker, [job] * len(placed), placed, pure=False, batch_size=1000)
    image_of: dict[Any, NamedImage] = dict(
        zip((future.key for future in futures), images, strict=True)
    )
    try:
        for future in as_completed(futures, loop=client.loop, raise_errors=False):
            yield _outcome(future, image_of[future.key])
            future.release()
    finally:
        client.cancel(futures)


def _outcome(future: Future, image: NamedImage) -> Outcome:
    from distributed import KilledWorker  # noqa: PLC0415 - as above

    try:
        outcome: Outcome = future.result()
    except KilledWorker as error:
        dead = CellwrightError(
            f"workers died while they had this image ({error.last_worker.address} was the last)",
            where=image.path,
            remedy="look at the memory of the workers; predict this image alone",
        )
        return Outcome(image, error=dead)
    return outcome


def _on_worker(job: _Job, image: NamedImage) -> Outcome:
    """One image, in the process of a worker."""
    model, folder = _loaded(job)
    return do_image(model.work, folder, image)


@lru_cache(maxsize=MODELS_HELD)
def _loaded(job: _Job) -> tuple[LoadedModel, RunFolder]:
    """The model and the output folder of a run; once a process.

    Raises:
        BundleError: the bundle is not there, or another one.
        ConfigError: this worker would count otherwise than the one who asks.
    """
    here = socket.gethostname()
    if not job.bundle.exists():
        raise BundleError(
            f"worker {here} does not see this bundle",
            where=job.bundle,
            remedy="put it on a disk that all machines see under the same path",
        )
    bundle = open_bundle(str(job.bundle))
    if bundle.sha256 != job.sha256:
        raise BundleError(f"worker {here} sees another bundle here", where=job.bundle)
    if not (job.out / "run.json").exists():
        raise ConfigError(
            f"worker {here} does not see the output folder",
            where=job.out,
            remedy="choose a folder that all machines see under the same path",
        )
    plan = plan_work(2, threads=job.threads)
    model = load_model(bundle, job.options, runtime=job.runtime, plan=plan)
    differing = dict(set(model.settings.items()) ^ set(job.settings))
    if differing:
        raise ConfigError(
            f"worker {here} differs in {', '.join(sorted(differing))}",
            remedy="install the same version of Cellwright on all machines",
        )
    return model, RunFolder(job.out, model.settings, "resume")


def _absolute(image: NamedImage) -> NamedImage:
    return NamedImage(image.path.absolute(), image.id, image.group, image.well, image.field)
