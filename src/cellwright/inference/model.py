"""A model in Python: loaded by its name, given an array or a file, asked for cells.

    model = cellwright.load_model("nuclei")
    cells = model.find_cells(image, pixel_size_um=0.65)

The same network, thresholds and table as ``cellwright predict``; never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import Card
from cellwright.errors import BundleError, ConfigError, ImageError
from cellwright.images.given import Given, ImageLike, given, opened
from cellwright.images.lazy import LazyImage
from cellwright.images.montage import cut_cells
from cellwright.inference.cells import UNNAMED, Cells, table_of_cells
from cellwright.inference.classifier import Classified, Classifier
from cellwright.inference.counted_boxes import count_boxes
from cellwright.inference.crops import extent, shows_one_cell
from cellwright.inference.detection_work import cell_rows
from cellwright.inference.predictor import Predictor
from cellwright.inference.prepare import check_pixel_size
from cellwright.inference.run_folder import CELL_COLUMNS
from cellwright.inference.work import RunOptions
from cellwright.types import Image, Instances

if TYPE_CHECKING:
    from cellwright.inference.segmenter import Segmenter


def load_model(model: str | Path, *, runtime: str = "auto", threads: int | None = None) -> Model:
    """Load a model.

    Args:
        model: a name of the zoo, or the path of a ``.cellwright`` file.
        runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        threads: processor threads; None lets the runtime choose.

    Raises:
        UnknownNameError: no such model or runtime.
        BundleError: the file is damaged, or the runtime refuses it.
        ConfigError: less than one thread.
    """
    return Model(open_bundle(Path(model).expanduser()), runtime=runtime, threads=threads)


class Model:
    """A loaded bundle; may be called by several threads at once.

    Attributes:
        bundle: the file.
        card: what it was trained on, how good it is, how it is read.
        runtime: the runtime in use.
    """

    def __init__(
        self, bundle: Bundle, *, runtime: str = "auto", threads: int | None = None
    ) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"a model needs at least one thread, not {threads}")
        self.bundle = bundle
        self._again = partial(load_model, bundle.path, runtime=runtime, threads=threads)
        self.card: Card = bundle.card
        self._network = _opened(bundle, runtime=runtime, threads=threads)
        self.runtime = self._network.runtime

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self.card.classes

    @property
    def finds_cells(self) -> bool:
        """Whether it finds cells, and is not one that says what a given cell is."""
        return self.card.classification is None

    def find_cells(
        self,
        image: ImageLike,
        *,
        axes: str | None = None,
        pixel_size_um: float | None = None,
        scale: float | None = None,
        score_threshold: float | None = None,
    ) -> Cells:
        """Find the cells of an image of any size.

        Args:
            image: an array, the path of a file, or what :func:`cellwright.read_image` gave.
            axes: of an array, see :func:`~cellwright.images.axes.channels_first`.
            pixel_size_um: instead of what the file says.
            scale: how much larger than the training's images this must be drawn, so that cells
                have the same size: 2 where they are half as large; instead of pixel sizes.
            score_threshold: from which score a box (a pixel) is (of) a cell, instead of the
                card's.

        Raises:
            BundleError: the model finds no cells, but says what a given cell is.
            ConfigError: a setting that is out of range.
            ImageError: the image cannot be read, or does not fit the model.
        """
        options = RunOptions(
            pixel_size_um=pixel_size_um, scale=scale, score_threshold=score_threshold
        )
        network = self._network
        if isinstance(network, Classifier):
            raise BundleError(
                "this model says what a given cell is, and finds none",
                where=self.bundle.path.name,
                remedy="call classify or classify_cells, or load a model that finds cells",
            )
        if isinstance(network, Predictor):
            return _boxes(network, given(image, axes), options)
        return _regions(network, given(image, axes), options)

    def classify(
        self,
        crops: Sequence[ImageLike] | NDArray[Any],
        *,
        axes: str | None = None,
        pixel_size_um: float | None = None,
        channel_names: Sequence[str] = (),
    ) -> Classified:
        """Say of pictures of one cell each which class it has.

        Args:
            crops: as for :meth:`find_cells`, of any size.
            axes: of arrays.
            pixel_size_um: of all, instead of what the files say.
            channel_names: one a channel, where their order is not that of the card.

        Returns:
            Probabilities ``(N, K)`` over :attr:`classes`, ``class_ids``, and which crops are
            unlike anything in the training.

        Raises:
            BundleError: the model does not classify.
            ConfigError: a pixel size that cannot be.
            ImageError: a picture that cannot be used, or shows much more than one cell.
        """
        classifier = self._classifier()
        check_pixel_size(pixel_size_um)
        prepared = []
        for index, crop in enumerate(crops):
            where = f"crop {index + 1}"
            with opened(given(crop, axes)) as source:
                pixels, names = _whole(source), self._names(channel_names, source)
                size = pixel_size_um or source.pixel_size_um
            if not shows_one_cell(pixels, self.card.input, classifier.decoding, size):
                raise ImageError(
                    f"{pixels.shape[2]} x {pixels.shape[1]} pixels are much more than one cell",
                    where=where,
                    remedy="cut the cells out, or call classify_cells with a label image",
                )
            prepared.append(
                classifier.prepare(pixels, channel_names=names, pixel_size_um=size, where=where)
            )
        return classifier.classify_prepared(prepared)

    def classify_cells(
        self,
        image: ImageLike,
        labels: ArrayLike,
        *,
        axes: str | None = None,
        pixel_size_um: float | None = None,
        channel_names: Sequence[str] = (),
    ) -> Classified:
        """Say which class each cell of a field has, in rising order of its number.

        Args:
            image: the field, as for :meth:`find_cells`.
            labels: ``(H, W)`` label image, for instance ``Cells.labels`` of another model.
            axes: of an array.
            pixel_size_um: instead of what the file says.
            channel_names: as for :meth:`classify`.

        Raises:
            AnnotationError: no label image.
            BundleError: the model does not classify.
            ImageError: image and labels do not fit each other or the model.
        """
        classifier = self._classifier()
        check_pixel_size(pixel_size_um)
        cells = Instances.from_labels(labels)
        with opened(given(image, axes)) as source:
            field, names = _whole(source), self._names(channel_names, source)
            size = pixel_size_um or source.pixel_size_um
        if cells.labels.shape != field.shape[1:]:
            raise ImageError(
                f"labels of {cells.labels.shape} do not fit an image of {field.shape[1:]} pixels",
                remedy="give the labels of this very image",
            )
        reach = extent(self.card.input, classifier.decoding, size)
        return classifier.classify(
            [tile.image for tile in cut_cells(field, cells, reach)],
            channel_names=names,
            pixel_size_um=size,
        )

    def _names(self, channel_names: Sequence[str], source: LazyImage) -> tuple[str, ...]:
        """Names of the channels: the caller's, else the file's.

        Raises:
            ImageError: the caller's are not one a channel, or lack one that the model wants.
        """
        names, wanted = tuple(channel_names), self.card.input.channel_names
        if not names:
            return source.channel_names
        if len(names) != source.shape[0]:
            raise ImageError(f"{source.shape[0]} channels but {len(names)} channel names")
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ImageError(
                f"the model wants a channel {missing[0]!r}, and there are {', '.join(names)}",
                remedy=f"name them as the model does: {', '.join(wanted)}",
            )
        return names

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be sent to another process: it is opened anew from the file.
        return self._again, ()

    def __repr__(self) -> str:
        return f"<{self.card.name}: {self.card.task} of {', '.join(self.classes)}>"

    def _classifier(self) -> Classifier:
        if not isinstance(self._network, Classifier):
            raise self.bundle.of_another_task("classifies")
        return self._network


def _opened(
    bundle: Bundle, *, runtime: str, threads: int | None
) -> Predictor | Segmenter | Classifier:
    """The network, by the task of its card."""
    if bundle.card.classification is not None:
        return Classifier(bundle, runtime=runtime, threads=threads)
    if bundle.card.segmentation is None:
        return Predictor(bundle, runtime=runtime, threads=threads)
    # SciPy and scikit-image, which detection does without, take a second to import.
    from cellwright.inference.segmenter import Segmenter  # noqa: PLC0415

    return Segmenter(bundle, runtime=runtime, threads=threads)


def _boxes(predictor: Predictor, image: Given, options: RunOptions) -> Cells:
    with opened(image) as source:
        size = options.pixel_size_um or source.pixel_size_um
        counted = count_boxes(predictor, source, options, pixel_size_um=size)
    rows = cell_rows(counted.cells, predictor.classes, UNNAMED, size)
    total = counted.estimates.total
    return Cells(
        classes=predictor.classes,
        found=counted.cells,
        table=table_of_cells(CELL_COLUMNS, rows),
        image=image,
        count_range=None if total is None else total.interval(counted=len(counted.cells)),
        capped=counted.capped,
    )


def _regions(segmenter: Segmenter, image: Given, options: RunOptions) -> Cells:
    from cellwright.inference.region_table import (  # noqa: PLC0415 - as in _opened
        region_columns,
        region_rows,
    )

    n_channels = segmenter.card.input.channels
    with opened(image) as source:
        size = options.pixel_size_um or source.pixel_size_um
        found = segmenter.segment_fully(
            source, pixel_size_um=size, scale=options.scale, threshold=options.score_threshold
        )
        rows = region_rows(
            found.cells,
            source,
            classes=segmenter.classes,
            image=UNNAMED,
            pixel_size_um=size,
            n_channels=n_channels,
        )
    return Cells(
        classes=segmenter.classes,
        found=found.cells,
        table=table_of_cells(region_columns(n_channels), rows),
        image=image,
        mask=found.mask if segmenter.card.task == "semantic" else None,
    )


def _whole(source: LazyImage) -> Image:
    _, height, width = source.shape
    return source.read_region(0, 0, height, width)
