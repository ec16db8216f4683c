"""The training before the verdict of ``cellwright compress --method prune | qat | magnitude``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cellwright.cli.console import say, typed_command
from cellwright.cli.stopping import ends_when_told
from cellwright.cli.train import hush_lightning, prepare_training, say_what_ships
from cellwright.errors import ConfigError

if TYPE_CHECKING:
    from cellwright.bundles.bundle import Bundle
    from cellwright.learning.fine_tuning import FineTuning


def data_section(source: str, *, format_name: str | None, split: Path | None) -> dict[str, object]:
    """The section ``data`` of a training on what ``source`` names, a folder or a known set."""
    named = {"path": str(Path(source).absolute())} if Path(source).exists() else {"dataset": source}
    files = {} if split is None else {"split_file": str(split.absolute())}
    return {**named, **files, **({} if format_name is None else {"format": format_name})}


def train_smaller(bundle: Bundle, plan: FineTuning, out: Path) -> tuple[Bundle, Path]:
    """Train what is to be judged, in a folder beside ``out``; goes on where it was killed.

    Returns:
        The smaller bundle, and the file that says which image was in which part.

    Raises:
        ConfigError: the network cannot be made smaller, or the settings do not fit.
        BundleError: the card does not say how the bundle was trained.
        DatasetError, LeakError: the data cannot be used.
    """
    prepare_training()
    from cellwright.bundles.bundle import open_bundle
    from cellwright.learning.fine_tuning import fine_tuning_config
    from cellwright.learning.train import train

    config = fine_tuning_config(bundle, plan)
    hush_lightning()
    run_dir = out.parent / f"{out.stem}-run"
    say(f"training {config.schedule.epochs} epochs in {run_dir}")
    with ends_when_told():
        result = train(config, run_dir, command=typed_command())
    smaller = open_bundle(result.bundle)
    say_what_ships(smaller.card.training)
    return smaller, run_dir / "split.csv"


def refuse_part(part: str) -> None:
    """Judging by what was learned from would flatter the result.

    Raises:
        ConfigError: another part than the validation part.
    """
    if part != "val":
        raise ConfigError(
            "what is trained is judged on the validation part, which is not learned from",
            where="--part",
            remedy="leave --part out",
        )
