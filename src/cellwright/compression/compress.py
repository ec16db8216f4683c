"""The recipe: a bundle and images in, a smaller bundle with its verdict out. Top to bottom.

Ranges are learned from calibration images, the best candidate is chosen and judged on the
judging images, and figures on other parts are only reported. Nothing is written unless the
verdict accepts.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from cellwright.bundles.bundle import SUFFIX, TEST_INPUT, Bundle, graph_entry, write_bundle
from cellwright.bundles.card import Card, Evaluation
from cellwright.bundles.naming import check_name
from cellwright.bundles.probe import disc_picture
from cellwright.bundles.sessions import RUNTIMES, Batch, choose_runtime, open_session
from cellwright.compression import LEARN_RANGES, METHODS, TRAINED
from cellwright.compression.accuracy import judge_of
from cellwright.compression.calibration_data import CalibrationImage, prepare_inputs
from cellwright.compression.cost import graph_cost
from cellwright.compression.judge import Judge, Look
from cellwright.compression.latency import side_by_side
from cellwright.compression.method import Candidate, Material, Stage, in_silence
from cellwright.compression.record import as_record
from cellwright.compression.verdict import InRuntime, Reported, Verdict
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, UnknownNameError

REFERENCE = "onnxruntime"
"""Runtime of the bundle that is compressed; every installation has it."""

TIMED_INPUTS = 4

GRAPH_STAYS = ("keep", *TRAINED)
"""Rows that change no graph: two bundles are compared as they are."""


@dataclass(frozen=True)
class CompressionJob:
    """What to compress with and what to judge by.

    Attributes:
        judged: labelled images to choose and judge by; none that are only for reporting.
        judged_name: those in words, for verdict and card.
        calibration: images to learn ranges from.
        calibration_name: those in words.
        reported: other labelled images by their words, looked at once, after the verdict.
        runtimes: rows of :data:`cellwright.bundles.sessions.RUNTIMES` to judge in; candidates
            are compared in the first.
        max_drop: points of the deciding metric that may be lost.
        threads: processor threads; None lets the runtime choose.
        settings: the method's own.
        against: the bundle to be compared with, where it is not the one that is compressed: a
            network that was pruned in training is set beside the one it was pruned from.
        command: what was typed, for the card.
    """

    judged: LabelledSet
    judged_name: str
    calibration: Sequence[CalibrationImage]
    calibration_name: str
    reported: Mapping[str, LabelledSet] = field(default_factory=dict)
    runtimes: tuple[str, ...] = tuple(RUNTIMES)
    max_drop: float = 1.0
    threads: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    against: Bundle | None = None
    command: str = ""


def compress(
    bundle: Bundle, job: CompressionJob, *, method: str, out: Path, stage: Stage = in_silence
) -> Verdict:
    """Make a smaller bundle of ``bundle``, judge it, and write it to ``out`` if it is accepted.

    Args:
        bundle: what to compress.
        job: with which images and limits.
        method: row of :data:`cellwright.compression.METHODS`.
        out: the new bundle; its name becomes the model's.
        stage: called with what is being done.

    Returns:
        The verdict; :meth:`~cellwright.compression.verdict.Verdict.require_accepted` raises
        where it refuses.

    Raises:
        BundleError: the bundle cannot be compressed, or not judged.
        ConfigError: ``out`` cannot be the name of a bundle, or is the bundle itself; or there is
            nothing to compare with, because the graph stays what it is, or of another kind.
        DatasetError: there is nothing to judge by or to learn ranges from.
        UnknownNameError: no such method.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    bundle.require_pixels("compression")
    check_name(out, bundle)
    larger = job.against or bundle
    _check_comparable(bundle, larger, method)
    bench = _Bench(bundle, larger, job, judge_of(bundle), stage)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        candidates = METHODS[method](bundle, bench.material(folder))
        before = bench.look(larger, job.judged, runtime=REFERENCE, words="the model as it is")
        best = bench.choose(candidates, before, folder)
        looks = [best.look]
        for runtime in job.runtimes[1:]:
            words = f"the new model in {runtime}"
            looks.append(bench.look(best.bundle, job.judged, runtime=runtime, words=words))
        verdict = bench.verdict(method, best, before, looks)
        if verdict.accepted:
            verdict = bench.ship(verdict, best, looks, out)
    return verdict


def _check_comparable(bundle: Bundle, larger: Bundle, method: str) -> None:
    if (larger.card.task, larger.card.classes) != (bundle.card.task, bundle.card.classes):
        raise ConfigError(
            f"{bundle.card.name} and {larger.card.name} do not find the same: their tasks or "
            "classes differ",
            remedy="compare it with the bundle that it was made from",
        )
    if method in GRAPH_STAYS and larger.graph() == bundle.graph():
        raise ConfigError(
            "a graph that is kept as it is cannot be compared with itself",
            where=bundle.path,
            remedy="name the larger bundle that it was made from with --against",
        )


@dataclass(frozen=True)
class _Judged:
    """A candidate as a bundle of its own, its answers on the judging images, points lost."""

    candidate: Candidate
    bundle: Bundle
    look: Look
    drop: float


@dataclass(frozen=True)
class _Bench:
    """Everything that stays the same while one bundle is compressed.

    Attributes:
        parent: the bundle that is compressed.
        larger: the one that the result is compared with; mostly the same.
    """

    parent: Bundle
    larger: Bundle
    job: CompressionJob
    judge: Judge
    stage: Stage

    def look(self, bundle: Bundle, labelled: LabelledSet, *, runtime: str, words: str) -> Look:
        """A bundle's answers on labelled images."""
        with self.stage(f"judging {words}") as progress:
            return self.judge.look(
                bundle, labelled, runtime=runtime, threads=self.job.threads, progress=progress
            )

    def material(self, folder: Path) -> Material:
        """What the method may use; network inputs are kept in ``folder``."""
        with self.stage("preparing calibration images") as progress:
            feeds = self.judge.feeds(self.parent, threads=self.job.threads)
            inputs = prepare_inputs(self.job.calibration, feeds, folder, progress=progress)
        return Material(inputs, self.job.settings, self.stage)

    def choose(self, candidates: Iterable[Candidate], before: Look, folder: Path) -> _Judged:
        """The candidate that loses least on the judging images, in the first runtime."""
        best: _Judged | None = None
        for candidate in candidates:
            bundle = _as_bundle(self.parent, candidate, folder)
            words = ", ".join(candidate.settings.values())
            look = self.look(bundle, self.job.judged, runtime=self.job.runtimes[0], words=words)
            drop = self.judge.drop(before, look).value or 0.0
            if best is None or drop < best.drop:
                best = _Judged(candidate, bundle, look, drop)
        if best is None:
            raise RuntimeError("the method made no candidate")
        return best

    def verdict(self, method: str, best: _Judged, before: Look, looks: Sequence[Look]) -> Verdict:
        """Size, cost, speed and accuracy of the chosen candidate beside its parent's."""
        graph, job = self.larger.graph(), self.job
        inputs = self._timed_inputs()
        runtimes = []
        for look in looks:
            with self.stage(f"timing both in {look.runtime}") as progress:
                latency = side_by_side(
                    graph,
                    best.candidate.graph,
                    inputs,
                    runtime=look.runtime,
                    threads=job.threads,
                    progress=progress,
                )
            drop = self.judge.drop(before, look)
            runtimes.append(InRuntime(look.runtime, look.report, drop, latency))
        return Verdict(
            method=method,
            settings={**best.candidate.settings, **self._words(method)},
            parent=self.larger.card.name,
            metric=self.judge.metric,
            max_drop=job.max_drop,
            cost_before=graph_cost(graph, inputs[0].shape),
            cost_after=graph_cost(best.candidate.graph, inputs[0].shape),
            data=job.judged_name,
            before=before.report,
            runtimes=tuple(runtimes),
            threads=job.threads,
        )

    def ship(self, verdict: Verdict, best: _Judged, looks: Sequence[Look], out: Path) -> Verdict:
        """Write the accepted bundle; figures of other parts are added to its verdict and card."""
        usual = choose_runtime("auto", best.candidate.precision)
        look = next((one for one in looks if one.runtime == usual), looks[0])
        card = look.settled()
        bundle = replace(best.bundle, card=card)
        evaluations = [Evaluation.of(look.report_under(card), self.job.judged_name)]
        reported = []
        for name, labelled in self.job.reported.items():
            before = self.look(self.larger, labelled, runtime=REFERENCE, words=f"both on {name}")
            after = self.look(bundle, labelled, runtime=look.runtime, words=f"both on {name}")
            evaluations.append(Evaluation.of(after.report, name))
            drop = self.judge.drop(before, after)
            reported.append(Reported(name, look.runtime, before.report, after.report, drop))
        verdict = replace(verdict, reported=tuple(reported))
        card = card.model_copy(
            update={
                "name": out.stem,
                "evaluations": tuple(evaluations),
                "compression": as_record(verdict, self.larger, command=self.job.command),
            }
        )
        graphs = {card.graphs[0].file: best.candidate.graph}
        write_bundle(out, card, graphs, best.bundle.tests)
        return verdict

    def _words(self, method: str) -> dict[str, str]:
        """What the verdict's settings say beside the method's own."""
        words = {"calibrated on": self.job.calibration_name} if method in LEARN_RANGES else {}
        if self.larger is not self.parent:
            words["of"] = self.parent.card.name
        return words

    def _timed_inputs(self) -> list[Batch]:
        """Batches of the first judged images, as a prediction feeds them."""
        feeds = self.judge.feeds(self.parent, threads=self.job.threads)
        batches = (
            batch
            for sample in (record.load() for record in self.job.judged)
            for batch in feeds.network_inputs(
                sample.image,
                channel_names=sample.channel_names,
                pixel_size_um=sample.pixel_size_um,
            )
        )
        return list(islice(batches, TIMED_INPUTS))


def _as_bundle(parent: Bundle, candidate: Candidate, folder: Path) -> Bundle:
    """The parent with the candidate's graph, and test tensors as ONNX Runtime answers them."""
    file = f"graphs/{candidate.precision}.onnx"
    card = parent.card.model_copy(
        update={
            "graphs": (graph_entry(file, candidate.graph, candidate.precision),),
            "evaluations": (),
            "compression": None,
        }
    )
    image = _probe(parent.card)
    answers = open_session(candidate.graph, runtime=REFERENCE).run(image)
    path = folder / f"{hashlib.sha256(candidate.graph).hexdigest()}{SUFFIX}"
    write_bundle(path, card, {file: candidate.graph}, {TEST_INPUT: image, **answers})
    return Bundle(path, card)


def _probe(card: Card) -> Batch:
    """A picture that wakes the network up, of a size that it takes."""
    if card.classification is None:
        return disc_picture(card.input)
    spec = card.input.model_copy(update={"multiple": 1})
    return disc_picture(spec, size=card.classification.crop_px)
