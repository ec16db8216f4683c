import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright.bundles.export import export_network  # noqa: E402
from cellwright.bundles.sessions import open_session  # noqa: E402
from cellwright.errors import BundleError  # noqa: E402


class TwoLevels(torch.nn.Module):
    """A small pyramid: strided convolutions, batch normalisation, upsampling, two outputs."""

    def __init__(self):
        super().__init__()
        self.down = torch.nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.deep = torch.nn.Conv2d(4, 4, 3, stride=2, padding=1)

    def forward(self, image):
        fine = torch.nn.functional.silu(self.norm(self.down(image)))
        coarse = self.deep(fine)
        up = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="nearest")
        return fine + up, coarse


@pytest.fixture
def network():
    torch.manual_seed(0)
    module = TwoLevels()
    module.norm.running_mean.uniform_(-1, 1)
    return module


def test_the_graph_takes_any_batch_and_size_and_names_its_outputs(network):
    graph = export_network(network, channels=2, output_names=["fine", "coarse"], multiple=4)
    session = open_session(graph, runtime="onnxruntime")
    image = torch.rand(3, 2, 20, 44)
    found = session.run(image.numpy())
    network.eval()
    with torch.no_grad():
        for name, expected in zip(("fine", "coarse"), network(image), strict=True):
            np.testing.assert_allclose(found[name], expected.numpy(), atol=1e-5)


def test_the_network_stays_as_it_was(network):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_network(network, channels=2, output_names=["fine", "coarse"], multiple=4)
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_no_trace_of_this_machine_is_left_in_the_file(network):
    graph = export_network(network, channels=2, output_names=["fine", "coarse"], multiple=4)
    assert b".py" not in graph


def test_a_graph_that_froze_something_is_refused():
    class FrozenSize(torch.nn.Module):
        def forward(self, image):
            return image * float(image.shape[0])

    with pytest.raises(BundleError, match="differs from the network's"):
        export_network(FrozenSize(), channels=1, output_names=["out"], multiple=4)


def test_names_and_outputs_must_be_as_many(network):
    with pytest.raises(BundleError, match="2 outputs but 1 names"):
        export_network(network, channels=2, output_names=["fine"], multiple=4)
