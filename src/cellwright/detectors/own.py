"""Our own detector as a row of the table: network, objective, fit, graph."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cellwright.bundles.card import DenseBoxes
from cellwright.bundles.export import export_network
from cellwright.data.transforms import PRESETS
from cellwright.detectors.objective import DetectionObjective
from cellwright.detectors.protocol import DetectionJob, ExportedDetector
from cellwright.models.cell_detector import CellDetector, DenseBoxesGraph

VOTE_IOU = 0.75
"""Chosen on the validation parts of the zoo's three sets: 0.2 to 1.3 points of AP50:95."""


class OwnSettings(BaseModel):
    """Settings of our own detector.

    Attributes:
        finest_stride: 8, or 4 for cells below about 12 network pixels.
        width: channels at stride 4; parameters grow with its square (48: 2 million).
        n_bins: bins a side; a box side reaches at most ``2 * (n_bins - 1) * 16`` pixels.
        top_k: positions that learn each label.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    finest_stride: Literal[4, 8] = 8
    width: int = Field(default=48, ge=16, le=256, multiple_of=8)
    n_bins: int = Field(default=16, ge=4, le=32)
    top_k: int = Field(default=10, ge=1, le=64)


class OwnDetector:
    """Anchor-free, task-aligned, without a padded label table; Apache-2.0."""

    licence = "Apache-2.0"
    ours = True
    settings: type[BaseModel] = OwnSettings
    augmentations: Collection[str] = PRESETS.keys()

    def require(self) -> None:
        """Needs nothing beyond what trains at all."""

    def train(self, job: DetectionJob, settings: dict[str, Any]) -> ExportedDetector:
        """Fit the network through ``job.fit`` and export it."""
        own = OwnSettings.model_validate(settings)
        strides = tuple(s for s in (4, 8, 16) if s >= own.finest_stride)
        network = CellDetector(
            len(job.classes),
            job.input.channels,
            strides=strides,
            width=own.width,
            n_bins=own.n_bins,
        )
        objective = DetectionObjective(strides, own.n_bins, top_k=own.top_k)
        output = DenseBoxes(strides=strides)
        fitted = job.fit(network, objective, job, output)
        if not isinstance(fitted, CellDetector):
            raise TypeError(f"fit returned a {type(fitted).__name__}, not the network it was given")
        graph = DenseBoxesGraph(fitted).eval()
        names = tuple(f"level_{stride}" for stride in strides)
        return ExportedDetector(
            graph=export_network(graph, channels=job.input.channels, output_names=names),
            output=output,
            output_names=names,
            reference=graph,
            vote_iou=VOTE_IOU,
        )
