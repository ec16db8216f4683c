"""The output folder of an audit, which never loses a person's decisions and changes no label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cellwright.audit.audit import Audit, AuditSettings
from cellwright.audit.corrected import write_corrected
from cellwright.audit.report import (
    PAGE,
    SUMMARY,
    Compared,
    figure_table,
    summary_of,
    write_page,
    write_summary,
)
from cellwright.audit.tables import (
    TABLE,
    accepted_of,
    holds_decisions,
    read_decisions,
    write_suspects,
)
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, DatasetError

ExistingDecisions = Literal["keep", "replace"]
"""What to do with decisions that lie in the folder."""


@dataclass(frozen=True)
class Written:
    """What an audit left in its folder.

    Attributes:
        summary: the content of ``summary.json``.
        figures: columns and rows of the main figures.
        caution: how figures without suspects are to be read.
        corrected: format of the corrected labels; None where none were written.
    """

    summary: dict[str, Any]
    figures: tuple[tuple[str, ...], list[tuple[str, ...]]]
    caution: str
    corrected: str | None


@dataclass(frozen=True)
class AuditFolder:
    """A folder that was checked before the long work begins.

    Attributes:
        out: the folder.
        decisions: whether suspects are accepted, by id; None where nobody decided yet.
        corrected: where corrected labels go; None for nowhere.
    """

    out: Path
    decisions: Mapping[str, bool] | None = field(default=None)
    corrected: Path | None = None

    @classmethod
    def open(
        cls,
        out: Path,
        *,
        decisions: Path | None,
        corrected: Path | None,
        existing: ExistingDecisions = "keep",
    ) -> AuditFolder:
        """Check what is asked for.

        Args:
            out: made if missing; tables of an older audit are replaced.
            decisions: a ``suspects.csv`` that someone filled in.
            corrected: a new folder below ``out``.
            existing: whether decisions in the folder may be lost.

        Raises:
            ConfigError: ``out`` holds something else, or decisions that would be lost, or
                ``corrected`` lies outside it.
            DatasetError: ``corrected`` is taken.
        """
        _refuse_foreign(out)
        table = out / TABLE
        lost = decisions is None and existing == "keep" and holds_decisions(table)
        if lost:
            raise ConfigError(
                "holds decisions, which this audit would replace",
                where=table,
                remedy=f"add --decisions {table}, choose another --out, or --existing replace",
            )
        if corrected is not None:
            _check_place(corrected, out)
        read = None if decisions is None else read_decisions(decisions)
        return cls(out, read, corrected)

    def write(
        self, audit: Audit, whole: LabelledSet, settings: AuditSettings, *, top: int
    ) -> Written:
        """Write everything; corrected labels last, and only of accepted suspects.

        Raises:
            ConfigError: decisions about suspects that this audit does not have.
            DatasetError: labels that cannot be corrected by this model.
        """
        decided = self.decisions
        accepted = None if decided is None else accepted_of(audit.suspects, decided)
        compared = Compared(audit, accepted)
        summary = summary_of(audit, compared, settings)
        name = None
        if self.corrected is not None and accepted is not None:
            name = write_corrected(whole, accepted, self.corrected)
            summary["corrected"] = {"format": name, "accepted": len(accepted)}
        write_suspects(self.out / TABLE, audit.suspects, decided)
        write_summary(self.out / SUMMARY, summary)
        write_page(self.out / PAGE, audit, whole, compared, top=top)
        return Written(summary, figure_table(compared, audit.card.task), compared.caution, name)


def _refuse_foreign(out: Path) -> None:
    """Tables of another kind and the same names must not be overwritten."""
    if out.exists() and not out.is_dir():
        raise ConfigError("is a file", where=out, remedy="name a folder")
    taken = [name for name in ("run.json", "cells.csv", "cellwright.csv") if (out / name).exists()]
    foreign = (out / PAGE).exists() and not (out / TABLE).exists()
    if taken or foreign:
        raise ConfigError(
            f"this folder holds something else ({taken[0] if taken else PAGE})",
            where=out,
            remedy="choose another output folder",
        )


def _check_place(corrected: Path, out: Path) -> None:
    if out.resolve() not in corrected.resolve().parents:
        raise ConfigError(
            "corrected labels are written inside --out only, so that no original is touched",
            where=corrected,
            remedy=f"write --write-corrected {out / 'corrected'}",
        )
    if corrected.exists() and (not corrected.is_dir() or any(corrected.iterdir())):
        raise DatasetError(
            "stands there already and is not an empty folder",
            where=corrected,
            remedy="name a new folder",
        )
