"""What a run writes about itself, whatever its task: settings, provenance, figures, replays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from cellwright.bundles.card import InputSpec, TrainingRecord
from cellwright.data.splits import read_split, write_split
from cellwright.data.yaml_text import read_yaml
from cellwright.errors import ConfigError
from cellwright.images.write import atomic_path, make_folder
from cellwright.learning.config import TrainConfig
from cellwright.learning.divergence import diverged
from cellwright.learning.provenance import commit, machine
from cellwright.learning.training_data import Parts
from cellwright.metrics.detection import DetectionReport
from cellwright.metrics.report import Report

TEST_SEED = 20

SETTINGS, SPLIT, DATA_SUM = "config.yaml", "split.csv", "data.sha256"
"""Files that a run folder holds before anything is learned."""


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind.

    Attributes:
        bundle: the file.
        report: of the test part, None where there was none.
        leaks: sentences about leaks of the split that were allowed; the report flatters.
    """

    bundle: Path
    report: DetectionReport | Report | None
    leaks: tuple[str, ...] = ()


def claim_run_dir(config: TrainConfig, run_dir: Path) -> None:
    """Write the settings into a new run folder, or check that they are the ones it holds.

    Where nothing was learned yet, as after a wrong path, the new settings take the place of those.

    Raises:
        ConfigError: another config was run there.
    """
    make_folder(run_dir)
    path = run_dir / SETTINGS
    wanted = config.model_dump(mode="json")
    if path.exists():
        held = _held(path)
        learned, before = _without_permission(wanted), _without_permission(held)
        changed = sorted(key for key in learned if learned[key] != before.get(key))
        if changed and (_was_begun(run_dir) or set(held) != set(wanted)):
            raise ConfigError(
                f"the folder holds a run with other settings ({', '.join(changed)})",
                where=run_dir,
                remedy="choose another run folder, or delete this one",
            )
        if wanted == held:
            return
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(wanted, sort_keys=False), encoding="utf-8")


def claim_parts(parts: Parts, run_dir: Path) -> None:
    """Write which images are in which part into a run folder, or check that it began with these.

    Else a run that goes on would be judged on images that it learned from before.

    Raises:
        ConfigError: other images, labels or parts were learned from there.
        DatasetError: the split that the folder holds cannot be read.
    """
    split, data_sum = run_dir / SPLIT, run_dir / DATA_SUM
    if _was_begun(run_dir):
        part_of = {record.id: parts.part_of[record.id] for record in parts.whole}
        changed = split.exists() and read_split(split) != part_of
        # Older folders hold the split alone.
        if data_sum.exists():
            held = data_sum.read_text(encoding="utf-8").strip()
            changed = changed or held != parts.data_checksum
        if changed:
            raise ConfigError(
                "the images, their labels or their parts changed since this run began",
                where=run_dir,
                remedy="choose another run folder with --out, or delete this one",
            )
    write_split(split, parts.whole, parts.part_of, copies=parts.copies)
    with atomic_path(data_sum) as temporary:
        temporary.write_text(parts.data_checksum + "\n", encoding="utf-8")


def _was_begun(run_dir: Path) -> bool:
    """Whether the folder holds more than what is written before the first epoch."""
    return any(entry.name not in (SETTINGS, SPLIT, DATA_SUM) for entry in run_dir.iterdir())


def _without_permission(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without ``allow_leak``, which permits a run but does not change it.

    Who was refused for a leak starts again with ``--allow-leak``, in the same folder.
    """
    data = settings.get("data")
    if not isinstance(data, dict):
        return settings
    return {**settings, "data": {k: v for k, v in data.items() if k != "allow_leak"}}


def _held(path: Path) -> dict[str, Any]:
    """The settings of an older run: what could not be set then was as it is by default now."""
    try:
        held = read_yaml(path)
    except ConfigError as error:
        raise ConfigError(
            f"its settings cannot be read: {error.what}",
            where=path,
            remedy="choose another run folder",
        ) from error
    try:
        return TrainConfig.model_validate(held).model_dump(mode="json")
    except ValidationError:
        return held if isinstance(held, dict) else {}


@contextmanager
def unsettled_path(bundle: Path) -> Iterator[Path]:
    """Where ``bundle`` lies until its thresholds are chosen; that file is gone in the end.

    A killed evaluation so leaves no bundle that looks done, and none in place of a good one.
    """
    path = bundle.with_name(f"{bundle.stem}.unsettled{bundle.suffix}")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def test_tensors(
    reference: Callable[[Tensor], Sequence[Tensor]], names: Sequence[str], spec: InputSpec
) -> dict[str, NDArray[np.float32]]:
    """A seeded random input and what the trained network itself answers to it.

    Raises:
        ConfigError: the answer is not finite, be the weights so or not.
    """
    edge = 2 * spec.multiple
    rng = np.random.default_rng(TEST_SEED)
    image = rng.random((1, spec.channels, edge, edge + spec.multiple)).astype(np.float32)
    with torch.no_grad():
        outputs = reference(torch.from_numpy(image))
    if not all(out.isfinite().all() for out in outputs):
        raise diverged("what the network answers is not finite")
    named = zip(names, outputs, strict=True)
    return {"input": image} | {name: out.numpy().astype(np.float32) for name, out in named}


def training_record(config: TrainConfig, parts: Parts, *, command: str) -> TrainingRecord:
    """How the model is made, so that it can be made again."""
    return TrainingRecord(
        data=parts.whole.name,
        data_licence=parts.whole.licence or config.data.licence,
        data_checksum=parts.data_checksum,
        learned_from=parts.learned_from,
        n_images=len(parts.train),
        command=command,
        commit=commit(),
        seed=config.seed,
        machine=machine(),
        recipe=recipe_of(config),
        epochs=config.schedule.epochs,
        date=datetime.now(timezone.utc).date().isoformat(),
    )


def recipe_of(config: TrainConfig) -> dict[str, Any]:
    """The sections that say what the network is and how it learned; defaults are left out.

    No path is among them: neither the data, nor the file of weights it began with.
    """
    kept = {"task", "views", "nms_scope", "input", "schedule", "seed"}
    kept |= {"detector", "segmentation", "classification"}
    recipe = config.model_dump(mode="json", include=kept, exclude_defaults=True)
    recipe["task"] = config.task
    for section in ("segmentation", "classification"):
        recipe.get(section, {}).get("settings", {}).pop("weights", None)
    return recipe
