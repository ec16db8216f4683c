"""Pooled counts, intervals and the marks."""

from __future__ import annotations

import pytest

from cellwright.assays.leukemia.calls import leukemic_classes
from cellwright.assays.leukemia.counts import SmearImage, pool, pool_groups
from cellwright.errors import ConfigError
from cellwright.metrics.intervals import FINE, Resampling, bootstrap_ratio, pooled_share, wilson


def smear(name: str, **counts: int) -> SmearImage:
    return SmearImage(
        name, name.split("_", maxsplit=1)[0], counts.pop("n_white", 10), 100, **counts
    )


def test_one_image_has_a_wilson_interval_over_its_cells() -> None:
    pooled = pool("a", [smear("a_1", n_white=40, n_asked=40, n_leukemic=10)])
    assert pooled.leukemic == wilson(10, 40)
    assert pooled.white_per_red.value == pytest.approx(0.4)
    # Of two Poisson counts, given their sum, one is binomial.
    share = wilson(40, 140)
    assert share.low is not None and share.high is not None
    assert pooled.white_per_red.low == pytest.approx(share.low / (1 - share.low))
    assert pooled.white_per_red.high == pytest.approx(share.high / (1 - share.high))


def test_images_that_happen_to_be_alike_say_nothing_of_chance() -> None:
    alike = pool("all", [smear(f"{g}_{n}", n_white=5) for g in "ab" for n in range(2)])
    one = pool("all", [SmearImage("a_0", "a", n_white=20, n_red=400)])
    assert alike.white_per_red == one.white_per_red
    unlike = pool("all", [smear(f"a_{n}", n_white=10 * n) for n in range(6)])
    drawn = bootstrap_ratio([10 * n for n in range(6)], [100] * 6)
    assert (unlike.white_per_red.low, unlike.white_per_red.high) == (drawn.low, drawn.high)


def test_several_images_are_drawn_as_wholes() -> None:
    images = [smear(f"a_{n}", n_asked=100, n_leukemic=10 * n) for n in range(5)]
    assert pool("a", images).leukemic == bootstrap_ratio([0, 10, 20, 30, 40], [100] * 5)


def test_whole_groups_are_drawn_where_there_are_several() -> None:
    images = [smear(f"{g}_{n}", n_asked=10, n_leukemic=2 * n) for g in "abc" for n in range(3)]
    images[0] = smear("a_0", n_asked=10, n_leukemic=9)
    expected = pooled_share(
        [9, 2, 4, 0, 2, 4, 0, 2, 4],
        [10] * 9,
        resampling=Resampling(FINE, groups=[g for g in "abc" for _ in "123"]),
    )
    assert pool("all", images).leukemic == expected
    assert expected.high == pytest.approx(0.5)  # three times group a, which Wilson knows not of
    assert [one.name for one in pool_groups(images)] == ["a", "b", "c"]


def test_what_is_unlike_does_not_count() -> None:
    pooled = pool("a", [smear("a_1", n_asked=10, n_unlike=4, n_leukemic=3)])
    assert pooled.n_called == 6
    assert pooled.leukemic == wilson(3, 6)
    assert pooled.unlike == wilson(4, 10)


@pytest.mark.parametrize(
    ("asked", "unlike", "leukemic", "verdict"),
    [
        (0, 0, 0, "no call"),
        (10, 6, 4, "abstained"),
        (400, 0, 2, "below 5 %"),
        (400, 0, 200, "above 20 %"),
        (400, 0, 40, "between or undecided"),
        (10, 0, 0, "between or undecided"),
    ],
)
def test_the_whole_interval_must_lie_beyond_a_mark(
    asked: int, unlike: int, leukemic: int, verdict: str
) -> None:
    one = smear("a_1", n_asked=asked, n_unlike=unlike, n_leukemic=leukemic)
    assert pool("a", [one]).verdict == verdict


@pytest.mark.parametrize(("leukemic", "ends"), [(0, (0, 0.39)), (3, (0.61, 1)), (1, (0.1, 0.7))])
def test_a_few_images_that_agree_leave_doubt(leukemic: int, ends: tuple[float, float]) -> None:
    images = [smear(f"a_{n}", n_asked=3, n_leukemic=leukemic) for n in range(2)]
    share = pool("a", images).leukemic
    assert (share.low, share.high) == pytest.approx(ends, abs=0.005)
    # Nor is it certain that no cell is unlike the training data.
    assert pool("a", images).unlike.high == pytest.approx(0.39, abs=0.005)
    verdict = "above 20 %" if leukemic == 3 else "between or undecided"
    assert pool("a", images).verdict == verdict


@pytest.mark.parametrize(("unlike", "share"), [(6, None), (5, 0.4)])
def test_no_share_is_given_where_too_much_is_unlike(unlike: int, share: float | None) -> None:
    pooled = pool("a", [smear("a_1", n_asked=10, n_unlike=unlike, n_leukemic=2)])
    assert pooled.leukemic.value == share
    assert (pooled.leukemic.low is None) == (pooled.leukemic.high is None) == (share is None)
    assert pooled.to_json("cells")["blast_fraction"]["value"] == share


def test_no_images_and_no_cells() -> None:
    empty = pool("none", [])
    assert empty.leukemic.value is None and empty.white_per_red.value is None
    assert empty.verdict == "no call"
    assert pool("a", [SmearImage("a", "a", 0, 0)]).white_per_red.value is None


@pytest.mark.parametrize(
    ("classes", "named", "expected"),
    [
        (("normal", "blast"), (), ("blast",)),
        (("benign", "early", "pre", "pro"), (), ("early", "pre", "pro")),
        (("hem", "sick"), (), ("sick",)),
        (("a", "b"), ("b",), ("b",)),
    ],
)
def test_which_classes_are_leukemic(
    classes: tuple[str, ...], named: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert leukemic_classes(classes, named) == expected


@pytest.mark.parametrize(
    ("classes", "named", "says"),
    [
        (("a", "b"), (), "do not say which are blasts"),
        (("a", "b"), ("c",), "has no class 'c'"),
        (("a", "b"), ("a", "b"), "do not say"),
    ],
)
def test_classes_that_say_nothing_are_refused(
    classes: tuple[str, ...], named: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        leukemic_classes(classes, named)
