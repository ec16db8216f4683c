"""BioImage.IO packages: valid by the community's own library, replayed by its own rules."""

import io
import zipfile

import numpy as np
import onnxruntime
import pytest
import yaml

from cellwright.bundles.bioimageio import to_bioimageio
from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.onnx_header import opset_version
from cellwright.errors import BundleError

MODELS = ("nuclei", "blood-cells", "cell-cycle", "hela-dic-int8")


@pytest.fixture(scope="module", params=MODELS)
def package(request, tmp_path_factory):
    (path,) = to_bioimageio(open_bundle(request.param), tmp_path_factory.mktemp("exported"))
    return path


def read(package, name):
    with zipfile.ZipFile(package) as archive:
        return archive.read(name)


def tensor(package, name):
    return np.load(io.BytesIO(read(package, name)), allow_pickle=False)


def scale_linear(image, gain, offset, axis=None):
    shape = (1, -1, 1, 1) if axis == "channel" else (1, 1, 1, 1)
    return image * np.reshape(gain, shape) + np.reshape(offset, shape)


def scale_range(image, axes, min_percentile, max_percentile):
    assert axes == ["y", "x"]
    low, high = np.percentile(image, [min_percentile, max_percentile], axis=(2, 3), keepdims=True)
    return (image - low) / (high - low + 1e-6)


STEPS = {
    "ensure_dtype": lambda image, dtype: image.astype(dtype),
    "scale_linear": scale_linear,
    "scale_range": scale_range,
    "clip": lambda image, **limits: np.clip(image, limits["min"], limits["max"]),
}
"""The specification's operations, written down from its text."""


def test_the_description_is_valid(package):
    spec = pytest.importorskip("bioimageio.spec")
    described = spec.load_description(package)
    assert not isinstance(described, spec.InvalidDescr), described.validation_summary.display()
    assert described.type == "model"
    assert described.weights.onnx.opset_version == opset_version(read(package, "weights.onnx"))


def test_who_follows_the_description_gets_the_test_outputs(package):
    description = yaml.safe_load(read(package, "rdf.yaml"))
    (given,) = description["inputs"]
    image = tensor(package, given["test_tensor"]["source"])
    assert str(image.dtype) == given["data"]["type"]
    for step in given["preprocessing"]:
        image = STEPS[step["id"]](image, **step["kwargs"])
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(read(package, "weights.onnx"), options)
    found = session.run(None, {session.get_inputs()[0].name: image})
    assert [one["id"] for one in description["outputs"]] == [
        one.name for one in session.get_outputs()
    ]
    for one, value in zip(description["outputs"], found, strict=True):
        expected = tensor(package, one["test_tensor"]["source"])
        tolerance = 1e-3 * max(1.0, float(np.abs(expected).max()))
        assert np.abs(value - expected).mean() < tolerance
        scales = [axis["scale"] for axis in one["axes"][2:]]
        asked = image.shape[2 : 2 + len(scales)]
        assert value.shape[2:] == tuple(np.divide(asked, scales))


def test_the_page_says_what_the_outputs_are_not(package):
    page = read(package, "README.md").decode()
    assert "How to read its output" in page
    assert "Research use only" in page


def test_the_operator_set_is_what_onnx_reads():
    onnx = pytest.importorskip("onnx")
    graph = open_bundle("nuclei-int8").graph()
    (default,) = [
        one.version
        for one in onnx.load_model_from_string(graph).opset_import
        if one.domain in ("", "ai.onnx")
    ]
    assert opset_version(graph) == default


@pytest.mark.parametrize("damaged", [b"", b"\x42", b"\x42\xff\x01a", b"PK\x03\x04 a zip", b"\xff"])
def test_bytes_that_are_no_graph_are_refused(damaged):
    with pytest.raises(BundleError, match=r"ONNX file|operator set"):
        opset_version(damaged)
