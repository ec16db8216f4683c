r"""A classifier of smears on the test part of its set, as it is and under every stain shift.

    cellwright train zoo/leukemia.yaml --out runs/leukemia
    python benchmarks/stain_shift.py runs/leukemia/leukemia.cellwright all_pbs_leukemia \
        zoo/splits/leukemia.csv

Writes benchmarks/results/stain_shift.json. Each shift moves the same images; a fall is paired by
image; intervals resample groups.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from cellwright.bundles.bundle import open_bundle
from cellwright.data.checksum import checksum
from cellwright.data.datasets import load_dataset
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import part, read_split
from cellwright.data.stain_shift import SHIFTS, shifted
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import classify_labelled
from cellwright.studies.leukemia_screening.judged import CLEAN, Scored, figures_of
from record import write_results


def main() -> None:
    """Measure and write."""
    path, name, split = sys.argv[1:]
    bundle = open_bundle(path)
    whole, part_of = load_dataset(name), read_split(Path(split))
    val, test = (part(whole, part_of, one) for one in ("val", "test"))
    classifier = Classifier(bundle, threads=1)

    def scored(labelled: LabelledSet) -> Scored:
        found = classify_labelled(classifier, labelled)
        return Scored(found.found.probabilities, found.true_ids, found.groups)

    sets = {CLEAN: test, **{shift: shifted(test, shift) for shift in SHIFTS}}
    figures = figures_of(
        bundle.card.name,
        scored(val),
        {shift: scored(one) for shift, one in sets.items()},
        classifier.classes,
    )
    kept = ("table", "metric", "value", "low", "high", "n")
    training = bundle.card.training
    write_results(
        "stain_shift",
        {
            "model": bundle.card.name,
            "trained_at": training.commit,
            "epochs": training.epochs,
            "seed": training.seed,
            "data": f"{whole.name}, test part",
            "data_checksum": checksum(whole),
            "n_images": len(test),
            "n_groups": len({record.group for record in test}),
            "figures": [{key: asdict(one)[key] for key in kept} for one in figures],
        },
    )


if __name__ == "__main__":
    main()
