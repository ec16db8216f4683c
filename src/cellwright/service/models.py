"""The models of the service: which there are, and those that are loaded.

Clients choose by name among the bundles that come with Cellwright and those given at the
start; a name is never a path.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import Card
from cellwright.bundles.zoo import ZOO
from cellwright.errors import CellwrightError, ConfigError, ImageError, UnknownNameError
from cellwright.images.read import open_image
from cellwright.inference.identity import name_images
from cellwright.inference.one_image import turn
from cellwright.inference.run import LoadedModel, RunOptions, load_model
from cellwright.inference.work import Product
from cellwright.inference.workers import plan_work

MAX_LOADED = 3
"""Models with their options that stay in memory; the one unused for longest goes first."""

MANY = 1000
"""The network is loaded as for so many images: they come one by one, but side by side."""

OPTIONS = ("pixel_size_um", "scale", "score_threshold", "tile_px")
"""Options of a run that a client may set: none of them names a file."""


@dataclass(frozen=True)
class Found:
    """What one image gave.

    Attributes:
        summary: column -> value of the image's row of ``summary.csv``.
        cells: ``columns`` and ``rows`` of ``cells.csv``.
        counts: cells of each class.
        products: pictures, as ``cellwright predict`` makes them.
        seconds: from opening the file to the last row.
    """

    summary: dict[str, Any]
    cells: dict[str, Any]
    counts: dict[str, int]
    products: tuple[Product, ...]
    seconds: float


class Models:
    """Bundles by name; as many images at once go through the network as it has streams for.

    Attributes:
        at_once: images in work at once; more callers of :meth:`predict` wait.
    """

    def __init__(
        self, bundles: Sequence[Path] = (), *, runtime: str = "auto", threads: int | None = None
    ) -> None:
        """Open every bundle's card.

        Raises:
            BundleError: a file given is no readable bundle.
            ConfigError: two bundles share a name.
        """
        self._runtime = runtime
        self._plan = plan_work(MANY, threads=threads)
        self.at_once = self._plan.workers
        self._bundles: dict[str, Bundle] = {name: open_bundle(name) for name in ZOO}
        for path in bundles:
            bundle = open_bundle(path)
            if bundle.card.name in self._bundles:
                raise ConfigError(
                    f"two models are called {bundle.card.name!r}",
                    where=path,
                    remedy="serve one of them, or train with another name",
                )
            self._bundles[bundle.card.name] = bundle
        self._loaded: OrderedDict[tuple[str, RunOptions], LoadedModel] = OrderedDict()
        self._loading = Lock()
        self._places = BoundedSemaphore(self.at_once)

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._bundles)

    def bundle(self, name: str) -> Bundle:
        """The bundle of this name.

        Raises:
            UnknownNameError: there is none.
        """
        if name not in self._bundles:
            raise UnknownNameError("model", name, self._bundles)
        return self._bundles[name]

    def serves(self, name: str, sha256: str) -> bool:
        """Whether there is this very model; another of the same name is another model."""
        return self.find(name, sha256) is not None

    def find(self, name: str, sha256: str) -> Card | None:
        """The card of a model that a job once used; None where it is served no longer."""
        bundle = self._bundles.get(name)
        return None if bundle is None or bundle.sha256 != sha256 else bundle.card

    def check(self, name: str, options: Mapping[str, Any]) -> None:
        """Refuse options that the model cannot follow, before anything is kept.

        Raises:
            UnknownNameError: no such model.
            ConfigError: an option out of range, or of no meaning to this model.
        """
        card, wanted = self.bundle(name).card, run_options(options)
        if card.classification is not None:
            wanted.refuse_detection()
        else:
            wanted.refuse_cells(card.task)

    def predict(self, name: str, options: Mapping[str, Any], file: Path, shown: str) -> Found:
        """Predict one image file that the client calls ``shown``.

        Raises:
            CellwrightError: no such model, or the image cannot be done; no path is in it.
        """
        named = replace(name_images([Path(shown)])[0], path=file, group="")
        work = self._model(name, run_options(options)).work
        try:
            with turn(file), self._places:
                start = time.perf_counter()
                with open_image(file) as source:
                    done = work.do(named, source)
                seconds = time.perf_counter() - start
        except CellwrightError as error:
            what = error.what.replace(str(file), shown)
            raise ImageError(what, where=shown, remedy=error.remedy) from error
        # The store's own path stands in the row where the client's name belongs.
        row = [shown if value == str(file) else value for value in done.part.summary]
        summary: dict[str, Any] = dict(zip(work.columns.summary, row, strict=True))
        return Found(
            summary=summary,
            cells={
                "columns": list(work.columns.cells),
                "rows": [list(cell) for cell in done.part.cells],
            },
            counts={one: summary[f"n_{one}"] for one in self.bundle(name).card.classes},
            products=done.products,
            seconds=seconds,
        )

    def _model(self, name: str, options: RunOptions) -> LoadedModel:
        key = (name, options)
        with self._loading:
            if key not in self._loaded:
                self._loaded[key] = load_model(
                    self.bundle(name), options, runtime=self._runtime, plan=self._plan
                )
            self._loaded.move_to_end(key)
            while len(self._loaded) > MAX_LOADED:
                self._loaded.popitem(last=False)
            return self._loaded[key]


def run_options(options: Mapping[str, Any]) -> RunOptions:
    """What a client set, out of :data:`OPTIONS`.

    Raises:
        ConfigError: out of range.
    """
    return RunOptions(**{name: options[name] for name in OPTIONS if options.get(name) is not None})
