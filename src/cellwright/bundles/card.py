"""The card of a bundle: everything a reader or a program must know to trust and run it.

A card is JSON, checked once on loading. It names the task, the classes, how
pixels become network input, how network output becomes cells, what the model
was trained on and under which licence, and how good it is, each figure with its
interval and n.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from cellwright.bundles.calibration import Calibration
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.bundles.mask_output import Segmentation, SemanticMasks
from cellwright.images.normalise import Normalisation
from cellwright.metrics.report import Report

SCHEMA_VERSION = 1
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,79}$"
NAME_IN_WORDS = (
    "up to 80 lower-case letters, digits, dots, dashes and underscores, a letter or digit first"
)

Task = Literal["detection", "semantic", "instances", "classification"]
Precision = Literal["fp32", "fp16", "int8"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MetricValue(_Frozen):
    """A figure with its 95 % interval and the number of observations behind it."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=0)


class InputSpec(_Frozen):
    """What the graph is fed: float32 ``NCHW``, any H and W that are multiples of ``multiple``.

    Attributes:
        channels: 1 or more.
        channel_names: one name a channel, or empty.
        normalisation: pixel values to [0, 1].
        resize_factor: network pixels per image pixel at the magnification trained on.
        pixel_size_um: µm per image pixel of the training images where known; an image that
            knows its own pixel size is rescaled to match.
        multiple: H and W fed to the graph are padded up to a multiple of this.
        tile_px: images larger than this (after resizing) are cut into tiles of this edge.
        overlap_px: neighbouring tiles share this many pixels; at least the largest cell.
    """

    channels: int = Field(ge=1, le=64)
    channel_names: tuple[str, ...] = ()
    normalisation: Normalisation = Normalisation()
    resize_factor: float = Field(default=1.0, gt=0, le=16)
    pixel_size_um: float | None = Field(default=None, gt=0)
    multiple: int = Field(default=32, ge=1)
    tile_px: int = Field(default=640, ge=32)
    overlap_px: int = Field(default=96, ge=0)

    @model_validator(mode="after")
    def _tiles_fit(self) -> InputSpec:
        if self.overlap_px * 2 > self.tile_px:
            raise ValueError(f"overlap_px {self.overlap_px} is over half of tile_px {self.tile_px}")
        if self.tile_px % self.multiple:
            raise ValueError(f"tile_px {self.tile_px} is no multiple of {self.multiple}")
        return self


class DenseBoxes(_Frozen):
    """Outputs ``level_<stride>``, one a stride: float32 ``(N, 4 + K, H/stride, W/stride)``.

    Channels 0..3 are the distances left, top, right, bottom from the cell's anchor point
    (column + 0.5, row + 0.5), in units of the stride; channels 4.. are class logits.
    """

    kind: Literal["dense_boxes"] = "dense_boxes"
    strides: tuple[int, ...]


class UltralyticsBoxes(_Frozen):
    """Output ``output0`` float32 ``(N, 4 + K, A)``: centre x, y, w, h in pixels, then scores."""

    kind: Literal["ultralytics_boxes"] = "ultralytics_boxes"


class EndToEndBoxes(_Frozen):
    """Output ``output0`` float32 ``(N, M, 6)``: x1, y1, x2, y2, score, class; already unique."""

    kind: Literal["end_to_end_boxes"] = "end_to_end_boxes"


BoxDecoding = Annotated[DenseBoxes | UltralyticsBoxes | EndToEndBoxes, Field(discriminator="kind")]


class Decoding(_Frozen):
    """How network output becomes boxes.

    Attributes:
        output: layout of the graph's output.
        score_threshold: boxes at or above count as cells; chosen on the validation part.
        class_thresholds: a threshold a class where they differ, else empty.
        minimum_score: boxes below are never kept, not even for a precision-recall curve.
        nms_iou: of two boxes that overlap more than this, the weaker one goes.
        vote_iou: kept boxes become the mean of the boxes that overlap them more than this; None
            keeps them as the network gave them.
        nms_scope: ``across_classes`` where a cell has one class only: then, of boxes that count
            as cells, those of different classes suppress each other too. The ranked list that
            average precision judges is suppressed class by class in either case.
        views: 2 averages what the network says of an image and of its mirror image, 4 also of both
            upside down; each costs a pass through the network. Dense boxes only.
        max_detections: cap on kept boxes an image; reaching it is reported, never silent.
    """

    output: BoxDecoding
    score_threshold: float = Field(default=0.25, ge=0, le=1)
    class_thresholds: tuple[float, ...] = ()
    minimum_score: float = Field(default=0.001, ge=0, le=1)
    nms_iou: float = Field(default=0.6, gt=0, le=1)
    vote_iou: float | None = Field(default=None, gt=0, le=1)
    nms_scope: Literal["per_class", "across_classes"] = "per_class"
    views: Literal[1, 2, 4] = 1
    max_detections: int = Field(default=100_000, ge=1)

    @model_validator(mode="after")
    def _only_maps_are_mirrored(self) -> Decoding:
        if self.views > 1 and self.output.kind != "dense_boxes":
            raise ValueError(f"views {self.views} need dense boxes, not {self.output.kind}")
        return self

    def thresholds(self, n_classes: int) -> tuple[float, ...]:
        """Score from which a box of each of ``n_classes`` classes counts as a cell."""
        return self.class_thresholds or (self.score_threshold,) * n_classes


class TrainingRecord(_Frozen):
    """How the model was made, so that it can be made again.

    Attributes:
        learned_from: checksum of the ids of the images of its training part; empty where that was
            not recorded.
        started_from: the bundle whose weights the training began with.
        pruning: how weights or channels were taken out, and what is zero now; empty for none.
        quantization: how it learned in 8 bits; empty where it learned in float.
        recipe: sections of the training's settings that say what the network is and how it
            learned, without the data; empty in bundles of before they were kept.
        epochs: how many it was to learn.
        joined: models whose networks answer together, and the beginnings of their checksums; empty
            where this one was trained as it is.
        settled: the command that chose thresholds anew afterwards; empty where none did.
        shipped_epochs: the one whose weights ship, from 1, for each network of a committee; 0 for
            the weights that it began with, where no epoch was better on the validation part. Empty
            where that was not recorded.
    """

    data: str
    data_licence: str = ""
    data_checksum: str = ""
    n_images: int = Field(ge=0)
    learned_from: str = ""
    started_from: str = ""
    pruning: dict[str, str] = {}
    quantization: dict[str, str] = {}
    recipe: dict[str, JsonValue] = {}
    command: str = ""
    joined: tuple[str, ...] = ()
    settled: str = ""
    commit: str = ""
    seed: int = 0
    machine: str = ""
    epochs: int = Field(default=0, ge=0)
    shipped_epochs: tuple[int, ...] = ()
    date: str = ""

    def shipped(self) -> str:
        """Whose weights ship, in words; empty where that was not recorded.

        >>> TrainingRecord(data="", n_images=1, epochs=20, shipped_epochs=(7,)).shipped()
        'epoch 7 of 20'
        """
        if not self.shipped_epochs:
            return ""
        noun = "epoch" if len(self.shipped_epochs) == 1 else "epochs"
        return f"{noun} {', '.join(map(str, self.shipped_epochs))} of {self.epochs}"

    def unsettled(self) -> str:
        """A warning where thresholds are still those of one of the models joined; else empty."""
        if not self.joined or self.settled:
            return ""
        return (
            f"thresholds are those of {self.joined[0]} and suit the mean only roughly: choose them "
            "anew with `cellwright models settle`"
        )

    def improved_nothing(self) -> str:
        """A warning where the weights that the training began with ship; else empty."""
        if 0 not in self.shipped_epochs:
            return ""
        who = "" if not any(self.shipped_epochs) else " of some of its networks"
        origin = f", those of {self.started_from}" if self.started_from else ""
        if self.pruning.get("kind") == "structured":
            origin += " without the channels that were cut"
        return (
            f"the training{who} improved nothing: epoch 0 ships, the weights that it began with"
            f"{origin}; no later epoch was better on the validation part"
        )


class Evaluation(_Frozen):
    """Figures of one evaluation; names are those of ``cellwright evaluate``."""

    data: str
    n_images: int = Field(ge=0)
    metrics: dict[str, MetricValue] = {}
    per_class: dict[str, dict[str, MetricValue]] = {}

    @classmethod
    def of(cls, report: Report, data: str) -> Evaluation:
        """A report as the card keeps it; ``data`` says on what."""
        content = report.to_json()
        kept = {key: content[key] for key in ("n_images", "metrics", "per_class")}
        return cls.model_validate({"data": data, **kept})


class GraphEntry(_Frozen):
    """One ONNX graph of the bundle: where it lies and what precision it runs in."""

    file: str = Field(pattern=r"^graphs/[a-z0-9_]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    precision: Precision = "fp32"


class BeforeAfter(_Frozen):
    """A count of the bundle it came from, and of this one."""

    before: int = Field(ge=0)
    after: int = Field(ge=0)


class RuntimeFigures(_Frozen):
    """This bundle beside the one it came from in one runtime.

    Attributes:
        runtime: its name.
        before_ms: time of the network alone for one batch, of the bundle it came from.
        after_ms: the same of this one, taken side by side.
        speedup: times faster.
        drop: points of the deciding metric lost, paired by image.
    """

    runtime: str
    before_ms: float = Field(ge=0)
    after_ms: float = Field(ge=0)
    speedup: float = Field(ge=0)
    drop: MetricValue


class ReportedDrop(_Frozen):
    """Points of the deciding metric lost on images that nothing was chosen by.

    Attributes:
        data: the images in words.
        n_images: how many of them were labelled.
        runtime: of this bundle.
        before: the figure of the bundle it came from.
        drop: points lost, paired by image.
    """

    data: str
    n_images: int = Field(ge=0)
    runtime: str
    before: MetricValue
    drop: MetricValue


class CompressionRecord(_Frozen):
    """How this bundle was made from a larger one, and what that cost.

    Attributes:
        method: ``ptq`` …
        settings: what was chosen within the method.
        parent: name of the bundle it came from.
        parent_sha256: checksum of that file.
        data: images that it was chosen and judged on, in words.
        n_images: how many of them were labelled.
        metric: the figure that decides.
        max_drop: points of it that were allowed to be lost.
        before: that figure of the bundle it came from.
        graph_bytes: size of the first graph.
        parameters: learned numbers.
        macs: multiply-accumulates of one pass at ``input_shape``.
        weights: what the layers multiply with; None in bundles of before they were counted.
        zero_weights: how many of those are exactly zero.
        input_shape: ``(N, C, H, W)`` of the first batch that was timed.
        runtimes: speed and loss in each runtime.
        reported: the loss on other images.
        threads: processor threads of the measurements; None where the runtime chose.
    """

    method: str
    settings: dict[str, str] = {}
    parent: str
    parent_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    data: str
    n_images: int = Field(ge=0)
    metric: str
    max_drop: float
    before: MetricValue
    graph_bytes: BeforeAfter
    parameters: BeforeAfter
    macs: BeforeAfter
    weights: BeforeAfter | None = None
    zero_weights: BeforeAfter | None = None
    input_shape: tuple[int, ...]
    runtimes: tuple[RuntimeFigures, ...]
    reported: tuple[ReportedDrop, ...] = ()
    threads: int | None = None
    machine: str = ""
    command: str = ""
    date: str = ""


_SEGMENTATION_KINDS = {"semantic": "semantic_masks", "instances": "distance_instances"}


class Card(_Frozen):
    """The whole card; see the module's header."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=NAME_PATTERN)
    task: Task
    classes: tuple[str, ...] = Field(min_length=1)
    description: str = ""
    licence: str
    intended_use: str = "Research use only."
    limits: tuple[str, ...] = ()
    input: InputSpec
    decoding: Decoding | None = None
    calibration: Calibration | None = None
    segmentation: Segmentation | None = None
    classification: ClassProbabilities | None = None
    training: TrainingRecord
    compression: CompressionRecord | None = None
    evaluations: tuple[Evaluation, ...] = ()
    graphs: tuple[GraphEntry, ...] = Field(min_length=1)

    @property
    def cautions(self) -> tuple[str, ...]:
        """Its limits, and what its training left undone."""
        undone = (self.training.improved_nothing(), self.training.unsettled())
        return (*self.limits, *filter(None, undone))

    @property
    def takes_pixels(self) -> bool:
        """Whether the graph is fed images, and not measurements of them."""
        return self.classification is None or self.classification.features is None

    @model_validator(mode="after")
    def _detection_decodes(self) -> Card:
        if self.task == "detection" and self.decoding is None:
            raise ValueError("a detection bundle must say how its output is decoded")
        if self.calibration is not None and len(self.calibration.classes) != len(self.classes):
            raise ValueError("a calibration has one entry a class")
        return self

    @model_validator(mode="after")
    def _segmentation_fits_the_task(self) -> Card:
        wanted = _SEGMENTATION_KINDS.get(self.task)
        found = None if self.segmentation is None else self.segmentation.kind
        if wanted != found:
            raise ValueError(f"task {self.task} needs segmentation {wanted}, not {found}")
        if isinstance(self.segmentation, SemanticMasks):
            given = len(self.segmentation.thresholds)
            if given not in (0, len(self.classes)):
                raise ValueError(f"{given} thresholds for {len(self.classes)} classes")
        return self

    @model_validator(mode="after")
    def _classification_decodes(self) -> Card:
        if (self.task == "classification") != (self.classification is not None):
            raise ValueError(
                f"task {self.task} "
                + ("needs" if self.classification is None else "does not go with")
                + " classification"
            )
        return self
