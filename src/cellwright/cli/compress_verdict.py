"""The verdict of ``cellwright compress`` as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellwright.cli.console import Cell, counted, print_table, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cellwright.compression.verdict import Verdict
    from cellwright.metrics.intervals import Interval


def print_verdict(verdict: Verdict) -> None:
    """A verdict as tables on stdout, what it depends on on stderr."""
    before, after = verdict.cost_before, verdict.cost_after
    settings = ", ".join(f"{name} {value}" for name, value in verdict.settings.items())
    print_table(
        ("graph", "before", "after"),
        [
            ("size, MB", before.bytes / 1e6, after.bytes / 1e6),
            ("times smaller", None, verdict.size_ratio),
            ("size zipped, MB", before.zipped_bytes / 1e6, after.zipped_bytes / 1e6),
            ("parameters", before.parameters, after.parameters),
            ("zeros among weights, %", 100 * before.sparsity, 100 * after.sparsity),
            ("GFLOPs", before.gflops, after.gflops),
        ],
        title=f"{verdict.parent} by {verdict.method}: {settings}",
    )
    print_table(
        ("runtime", "ms before", "ms after", "times faster", "points lost", "low", "high"),
        [
            (
                one.runtime,
                one.latency.before_ms,
                one.latency.after_ms,
                one.latency.speedup,
                *_lost(one.drop),
            )
            for one in verdict.runtimes
        ],
        title=f"\n{verdict.metric} on {verdict.data}, {counted(verdict.before.n_images, 'image')}",
    )
    print_table(
        ("figure", "before", *(f"after, {one.runtime}" for one in verdict.runtimes)),
        _figures(verdict.before.metrics, [one.report.metrics for one in verdict.runtimes]),
        title="\nfigures",
    )
    for other in verdict.reported:
        print_table(
            ("figure", "before", f"after, {other.runtime}"),
            [
                *_figures(other.before.metrics, [other.after.metrics]),
                (f"points of {verdict.metric} lost", None, _signed(other.drop)),
            ],
            title=f"\n{other.data}, {counted(other.before.n_images, 'image')}, only reported",
        )
    say(_conditions(verdict))


def _conditions(verdict: Verdict) -> str:
    shape = " x ".join(map(str, verdict.cost_before.input_shape))
    threads = (
        "threads as the runtime chose"
        if verdict.threads is None
        else (counted(verdict.threads, "thread"))
    )
    answer = "accepted" if verdict.accepted else "refused"
    return (
        f"{answer}: {verdict.worst.drop.value:.2f} points lost at most, {verdict.max_drop:g} "
        f"allowed; times of the network alone, both in turns, {threads}, GFLOPs at {shape}; "
        "points are hundredths, their intervals 95 %, paired by image"
    )


def _lost(drop: Interval) -> tuple[Cell, Cell, Cell]:
    value, low, high = (
        None if one is None else f"{one:.2f}" for one in (drop.value, drop.low, drop.high)
    )
    return value, low, high


def _signed(drop: Interval) -> str:
    value, low, high = _lost(drop)
    return f"{value}" if low is None else f"{value} ({low} to {high})"


def _figures(
    before: Mapping[str, Interval], after: Sequence[Mapping[str, Interval]]
) -> list[tuple[Cell, ...]]:
    return [
        (name, one.value, *(None if name not in new else new[name].value for new in after))
        for name, one in before.items()
    ]
