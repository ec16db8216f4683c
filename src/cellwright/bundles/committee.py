"""Several bundles as one: their networks look at the same picture and their mean answers.

Networks that were trained apart make different mistakes, and their mean makes fewer (Hansen and
Salamon, Neural network ensembles, IEEE PAMI 12, 1990). What is averaged is what the networks say
of a place or of a picture, before anything is decoded: logits of classes and of pixels, distances
to the sides of a box.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.bundles.bundle import TEST_INPUT, Bundle, graph_entry, open_bundle, write_bundle
from cellwright.bundles.card import Card, TrainingRecord
from cellwright.bundles.graph_mean import mean_graph
from cellwright.bundles.naming import check_name
from cellwright.bundles.sessions import open_session
from cellwright.errors import BundleError


def join_bundles(bundles: Sequence[Bundle], *, out: Path) -> Bundle:
    """Write the committee of ``bundles`` to ``out``; its name is that of the file.

    Thresholds and calibration are those of the first and suit the mean only roughly, so figures
    are left out: choose them anew (:mod:`cellwright.inference.settle_bundle`).

    Args:
        bundles: two or more, which answer alike: same task, classes and input.
        out: the new bundle.

    Raises:
        ConfigError: ``out`` cannot be the name of a bundle, or is one of ``bundles``.
        BundleError: they do not answer alike, or their answers have no mean, or two are one.
    """
    if len(bundles) < 2:
        raise BundleError("one model is no committee", remedy="name two models or more")
    first = bundles[0]
    for bundle in bundles:
        check_name(out, bundle)
        _check_has_mean(bundle)
        _check_alike(first, bundle)
    _refuse_twins(bundles)
    graph = mean_graph([bundle.graph() for bundle in bundles])
    entry = graph_entry(first.card.graphs[0].file, graph, first.card.graphs[0].precision)
    card = first.card.model_copy(
        update={
            "name": out.stem,
            "limits": _limits(bundles),
            "training": _training(bundles),
            "calibration": None,
            "compression": None,
            "evaluations": (),
            "graphs": (entry,),
        }
    )
    picture = first.tests[TEST_INPUT]
    answers = open_session(graph, runtime="onnxruntime").run(picture)
    return open_bundle(
        write_bundle(out, card, {entry.file: graph}, {TEST_INPUT: picture, **answers})
    )


def _refuse_twins(bundles: Sequence[Bundle]) -> None:
    """The mean of a model and itself says what the model says, at twice the time."""
    seen: set[str] = set()
    for bundle in bundles:
        if bundle.sha256 in seen:
            raise BundleError(
                "this model is named twice",
                where=bundle.path,
                remedy="name models that were trained apart",
            )
        seen.add(bundle.sha256)


def _check_has_mean(bundle: Bundle) -> None:
    if not bundle.card.takes_pixels:
        raise BundleError(
            "this model is fed measurements of the picture; networks are joined",
            where=bundle.path,
            remedy="train a forest of more trees instead, or a network",
        )
    decoding = bundle.card.decoding
    if decoding is not None and decoding.output.kind != "dense_boxes":
        raise BundleError(
            f"its answer is {decoding.output.kind}, of which two cannot be averaged",
            where=bundle.path,
            remedy="join models of the cell detector",
        )


def _check_alike(first: Bundle, other: Bundle) -> None:
    """Refuse what would be averaged although it means different things."""
    for what, mine, its in zip(
        _ANSWERS_ALIKE, _meaning(first.card), _meaning(other.card), strict=True
    ):
        if mine != its:
            raise BundleError(
                f"models with another {what} cannot be joined: {its} beside {mine}",
                where=f"{first.path} and {other.path}",
                remedy="join models that differ in their training, not in what they take and give",
            )


_ANSWERS_ALIKE = ("task", "list of classes", "input", "output", "precision")


def _meaning(card: Card) -> tuple[object, ...]:
    """What the numbers of an answer mean, in the order of :data:`_ANSWERS_ALIKE`."""
    output: tuple[object, ...]
    if card.decoding is not None:
        output = (card.decoding.output,)
    elif card.segmentation is not None:
        output = (card.segmentation.kind, getattr(card.segmentation, "activation", None))
    else:
        decoding = card.classification
        output = () if decoding is None else (decoding.crop_px,)
    return card.task, card.classes, card.input, output, card.graphs[0].precision


def _limits(bundles: Sequence[Bundle]) -> tuple[str, ...]:
    """Every limit of a member, once."""
    return tuple(dict.fromkeys(limit for bundle in bundles for limit in bundle.card.limits))


def _training(bundles: Sequence[Bundle]) -> TrainingRecord:
    """How the first was made, the epochs of all, and who the members are."""
    records = [bundle.card.training for bundle in bundles]
    known = all(record.shipped_epochs for record in records)
    learned = {record.learned_from for record in records}
    return records[0].model_copy(
        update={
            "joined": tuple(f"{one.card.name} ({one.sha256[:12]})" for one in bundles),
            "epochs": max(record.epochs for record in records),
            "shipped_epochs": sum((one.shipped_epochs for one in records), ()) if known else (),
            "settled": "",
            "learned_from": learned.pop() if len(learned) == 1 else "",
        }
    )
