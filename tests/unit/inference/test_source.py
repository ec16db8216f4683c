import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.images.normalise import Normalisation, channel_limits
from cellwright.images.resize import adapt_channels
from cellwright.inference import source
from cellwright.inference.source import (
    ArraySource,
    adapted_limits,
    as_source,
    source_limits,
    thinned,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 4096, (2, 1300, 1700)).astype(np.uint16)


@pytest.mark.parametrize("step", [1, 3, 7])
def test_thinned_reads_in_bands_what_slicing_gives(image, step, monkeypatch):
    monkeypatch.setattr(source, "BAND_PIXELS", 50_000)
    np.testing.assert_array_equal(thinned(ArraySource(image), step), image[:, ::step, ::step])


@pytest.mark.parametrize("kind", ["percentile", "full_range"])
def test_limits_are_those_of_the_whole_image(image, kind):
    spec = Normalisation(kind=kind)
    np.testing.assert_array_equal(
        source_limits(ArraySource(image), spec), channel_limits(image, spec)
    )


@pytest.mark.parametrize("kind", ["percentile", "full_range"])
@pytest.mark.parametrize(("present", "wanted"), [(1, 3), (3, 1), (2, 2)])
def test_adapted_limits_are_those_of_the_adapted_image(image, kind, present, wanted):
    spec = Normalisation(kind=kind)
    pixels = image if present == 2 else image[:1].repeat(present, axis=0)
    expected = channel_limits(adapt_channels(pixels, wanted, where=None), spec)
    np.testing.assert_array_equal(adapted_limits(ArraySource(pixels), wanted, spec), expected)


def test_an_array_that_is_no_image_is_refused():
    with pytest.raises(ImageError, match="shape"):
        as_source(np.zeros((4, 4), np.uint8))
