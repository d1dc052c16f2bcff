"""A rule over large arrays: one loop that `fuse` makes, over their own memory."""

import ctypes
from typing import Any

import numpy as onp
from mxnet.base import _LIB, check_call

from .. import fuse
from ..backend.contract import Backend, Tensor


def _view(x: Tensor) -> onp.ndarray[Any, Any] | None:
    if x.ctx.device_type != "cpu" or x.stype != "default":
        return None
    if x.dtype not in (onp.float32, onp.float64):
        return None
    # MXNet has no public way to the memory: DLPack's is read-only in NumPy 1. And its
    # engine works in the background: what still reads or writes x has to end first.
    check_call(_LIB.MXNDArrayWaitToWrite(x.handle))
    address = ctypes.c_void_p()
    check_call(_LIB.MXNDArrayGetData(x.handle, ctypes.byref(address)))
    return fuse.at_address(address.value, x.shape, x.dtype)


def compiled(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    return fuse.compiled(d2l, rule, _view)


def wait(*tensors: Tensor) -> None:
    for x in tensors:
        x.wait_to_read()
