"""Tables of what labels are worth: their ceiling, labels in doubt, figures by recording."""

from __future__ import annotations

from typing import Any

from table_text import FIGURES, figure, origin, result, table

DOUBTED_FIGURES = {
    "pixel_f1": "F1 of pixels",
    "pixel_jaccard": "Jaccard of pixels",
    "matched50": "matched at IoU 0.5",
}


def label_ceiling() -> str:
    """What missing labels cost at most."""
    content = result("label_ceiling")
    return (
        f"On the {content['n_images']} test pictures {content['labelled_red_cells']} red cells are "
        f"labelled. The model counts {content['counted_boxes_that_touch_no_label']} boxes that "
        f"touch no label; of {content['of_these_with_score_above_0.7']} it is sure (score above "
        "0.7). If the sure ones are cells, no detector that cannot know which cells were labelled "
        f"has an AP above {content['ceiling_if_the_sure_ones_are']:.2f} for red cells; if all are, "
        f"above {content['ceiling_if_all_are_cells']:.2f}. {origin(content)}"
    )


def doubted_labels() -> str:
    """Models that cut out cells, with all labels and without those that an audit doubts."""
    content = result("label_audit")
    rows = []
    for name, held in content.items():
        if not isinstance(held, dict) or "pixel_f1" not in held["figures"]["all_labels"]:
            continue
        n_suspects = {"all_labels": 0, "without_missing": held["suspects"]["missing"]}
        n_suspects["without_suspects"] = sum(held["suspects"].values())
        for way, metrics in held["figures"].items():
            figures = [figure(metrics[key]) for key in DOUBTED_FIGURES]
            rows.append([f"`{name}`", way.replace("_", " "), str(n_suspects[way]), *figures])
    header = ["model", "figures with", "left out", *DOUBTED_FIGURES.values()]
    return table(header, rows) + f"\n\n{origin(content)}"


def recordings() -> str:
    """live-dead a recording."""
    content = result("recordings")
    rows = [
        [
            f"`{name}`",
            str(held["n_images"]),
            str(held["n_labels"]),
            *(figure(held["figures"][key]) for key in FIGURES),
            "–" if held["label_to_box"] is None else f"{held['label_to_box']:.2f}",
        ]
        for name, held in content["recordings"].items()
    ]
    header = ["recording", "images", "labels", *FIGURES.values(), "label to box"]
    return table(header, rows) + f"\n\n{content['data']}. {origin(content)}"


def label_audit() -> str:
    """All that the audit found, a table a model, and the recall of errors planted there."""
    content = result("label_audit")
    audited = {name: held for name, held in content.items() if isinstance(held, dict)}
    return "\n\n".join([*(_audited(name, audited[name]) for name in audited), origin(content)])


def _audited(name: str, held: dict[str, Any]) -> str:
    """One model: its suspects, its figures three ways, and the errors planted."""
    suspects = ", ".join(f"{n} {kind}" for kind, n in held["suspects"].items())
    ways = list(held["figures"])
    rows = [
        [key, *(figure(held["figures"][way][key]) for way in ways)]
        for key in held["figures"][ways[0]]
    ]
    found = (
        f"`{name}` on `{held['data']}`: {held['n_images']} images, {held['n_labels']} labels; "
        f"suspects: {suspects}.\n\n"
        + table(["figure", *(one.replace("_", " ") for one in ways)], rows)
    )
    if "planted" not in held:
        return found
    shares = held["planted"]
    recall = table(list(shares), [[figure(share, digits=2) for share in shares.values()]])
    n = next(iter(shares.values()))["n"]
    return (
        f"{found}\n\nErrors planted into these labels, one at a time, {n} of each kind: share "
        f"that comes back as a suspect of that kind (95 % Wilson interval)\n\n{recall}"
    )
