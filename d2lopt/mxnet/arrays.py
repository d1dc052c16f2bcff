"""MXNet's several kinds of arrays, as a rule takes them."""

import contextlib
import pickle
from collections.abc import Iterator
from typing import Any

import mxnet
import numpy as np

from ..rules.checks import leaves


@contextlib.contextmanager
def numpy_semantics() -> Iterator[None]:
    """Shapes () and `mx.np` arrays, which a rule needs, whatever the caller's net uses.

    Importing d2lopt.mxnet switches them on for the process; `npx.reset_np()`, for nets
    on `mx.nd`, switches them off again.
    """
    with mxnet.util.np_shape(True), mxnet.util.np_array(True):
        yield


def dense(grad: Any) -> Any:
    """A gradient with all its rows: a sparse one has those that were looked up."""
    if grad.stype != "default":
        grad = grad.tostype("default")
    return grad.as_np_ndarray()


def is_low(weight: Any) -> bool:
    """Whether a weight has so few digits that small steps are lost in it."""
    return bool(weight.dtype == np.float16)


class Kept:
    """A rule's state for one parameter, as MXNet keeps it between steps.

    Left as it is, a state of shape () would not survive being loaded after
    `npx.reset_np()`, when MXNet takes that shape for an unknown one.
    """

    def __init__(self, state: Any) -> None:
        self.state = state

    def on(self, device: Any) -> Any:
        """The state, on the device: a file's is for that of the first."""
        if any(getattr(x, "ctx", device) != device for x in leaves(self.state)):
            self.state = _moved(self.state, device)
        return self.state

    def __reduce__(self) -> Any:
        with numpy_semantics():
            return _read, (pickle.dumps(self.state),)


def _read(written: bytes) -> Kept:
    with numpy_semantics():
        return Kept(pickle.loads(written))


def _moved(state: Any, device: Any) -> Any:
    if isinstance(state, list | tuple):
        return type(state)([_moved(inner, device) for inner in state])
    return state.as_in_ctx(device)
