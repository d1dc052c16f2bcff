"""The loss of a layer as one operator: MXNet calls each at some ten microseconds."""

from collections.abc import Callable
from typing import Any

import mxnet

from ..backend.contract import Tensor
from .tracing import Trace, Traced, var

FLAGS = [("static_alloc", "true"), ("static_shape", "true")]


def loss_of(net: Any, loss: Callable[..., Tensor], inputs: int) -> Callable[..., Any]:
    """(X, *rest) ↦ loss(net(X), *rest), of so many inputs, read with symbols once.

    A loss that cannot be read runs as it is.
    """
    names = [f"input{k}" for k in range(inputs)]
    Trace.now = Trace()
    try:
        X, *rest = (Traced(var(name)) for name in names)
        symbol = loss(Traced(net(X.value)), *rest).value
        operator = mxnet.ndarray.CachedOp(symbol, FLAGS)
    except Exception:  # whatever is wrong with it shows when it runs as it is
        return lambda X, *rest: loss(net(X), *rest)
    finally:
        Trace.now = None
    params = net.collect_params()
    order = symbol.list_inputs()
    weights = {name: params[name].data() for name in order if name in params}

    def at_once(*batch: Tensor) -> Any:
        given = weights | dict(zip(names, batch, strict=True))
        return operator(*(given[name] for name in order))

    return at_once
