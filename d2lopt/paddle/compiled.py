"""A rule over large tensors: one loop that `fuse` makes, over their own memory."""

from typing import Any

import numpy as np
import paddle

from .. import fuse
from ..backend.contract import Backend, Tensor

_DTYPES = {"paddle.float32": np.float32, "paddle.float64": np.float64}


def _view(x: Tensor) -> np.ndarray[Any, Any] | None:
    dtype = _DTYPES.get(str(x.dtype))
    if dtype is None or not x.is_dense() or not x.place.is_cpu_place():
        return None
    shape = tuple(x.shape)
    strides = [np.dtype(dtype).itemsize * stride for stride in x.get_strides()]
    return fuse.at_address(x.data_ptr(), shape, dtype, strides)


def _changed(x: Tensor) -> None:
    # The loop writes past Paddle: a backward pass that still needs x's old value would
    # take the new one silently, if the version did not tell. There is no public way.
    x._bump_inplace_version()


def compiled(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    return fuse.compiled(d2l, rule, _view, _changed)


def wait(*tensors: Tensor) -> None:
    if any(x.place.is_gpu_place() for x in tensors):
        paddle.device.synchronize()
