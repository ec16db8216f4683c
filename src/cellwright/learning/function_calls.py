"""Every result of a PyTorch function in a forward pass, under a name that each pass gives it.

A network adds, multiplies and joins maps by plain functions, which no hook on a layer sees. A
``TorchFunctionMode`` sees them all, in layers too. A result is named after the layer that
called, the function, and how many times that layer had called it before in this pass:
``up.0:cat:0``. What only a training does (a deep head, an enhancement) has names of its own and
moves no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Changed = Callable[[str, Tensor], Tensor]
"""Name of a result and the result, to what the network goes on with."""

INPUT = ":input"
"""Name of what the network is fed."""


class _Naming(TorchFunctionMode):
    """Names results and lets ``changed`` replace them, while it is entered."""

    def __init__(self, changed: Changed) -> None:
        super().__init__()
        self.path: list[str] = [""]
        self._changed = changed
        self._counts: Counter[str] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = args[0] if args and isinstance(args[0], Tensor) else None
        before = None if given is None else given._version
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return result
        if result is given and result._version == before:
            return result  # what does nothing, as dropout in evaluation, has no result
        function = func.__name__
        call = f"{self.path[-1]}:{function}"
        name = f"{call}:{self._counts[call]}"
        self._counts[call] += 1
        return self._changed(name, result)


def run_named(network: nn.Module, x: Tensor, changed: Changed) -> Any:
    """``network(x)``, each result by its name through ``changed`` on its way.

    Args:
        network: any.
        x: its input, which goes through ``changed`` as :data:`INPUT`.
        changed: gives what the network goes on with.
    """
    naming = _Naming(changed)
    with _on_path(network, naming.path):
        x = changed(INPUT, x)
        with naming:
            return network(x)


@contextmanager
def _on_path(network: nn.Module, path: list[str]) -> Iterator[None]:
    """While it is entered, the last of ``path`` is the name of the layer that runs."""
    handles = []
    for name, module in network.named_modules():
        handles.append(module.register_forward_pre_hook(_entering(path, name)))
        handles.append(module.register_forward_hook(lambda *_: _leaving(path)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _entering(path: list[str], name: str) -> Callable[..., None]:
    return lambda *_: path.append(name)


def _leaving(path: list[str]) -> None:
    path.pop()
