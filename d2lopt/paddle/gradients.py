"""What Paddle hands to an optimizer: parameters and gradients, as a rule takes them."""

from typing import Any

import paddle

from ..backend.contract import Tensor
from ..errors import InputError

_REAL = (paddle.float32, paddle.float64, paddle.float16, paddle.bfloat16)
_LOW = (paddle.float16, paddle.bfloat16)


def check_params(params: Any) -> None:
    """Raise an InputError for what is no parameter of real numbers."""
    for p in params:
        if not isinstance(p, paddle.Tensor):
            raise InputError(
                "parameters must be a list of Paddle's tensors, as net.parameters() "
                f"gives, or of groups of them; it has a {type(p).__name__} in it."
            )
        if p.dtype not in _REAL:
            raise InputError(
                f"the parameter {p.name} is {str(p.dtype).removeprefix('paddle.')}, "
                "and rules are for real numbers: give its real and its imaginary part "
                "as two parameters."
            )


def listed(parameters: Any) -> list[Any]:
    """`parameters` as a list; InputError for one parameter, one group or none."""
    if isinstance(parameters, paddle.Tensor | dict):
        raise InputError(
            "parameters must be a list, of parameters or of groups; got a single "
            f"{type(parameters).__name__}: put it into a list."
        )
    every = list(parameters)
    if not every:
        raise InputError("parameters is empty: there is nothing to optimize.")
    return every


def is_low(p: Tensor) -> bool:
    """Whether a parameter has so few digits that small steps are lost in it."""
    return p.dtype in _LOW


def dense(grad: Any, param: Tensor) -> Any:
    """The gradient of all rows, where an `Embedding(sparse=True)` gives only some.

    Rows that were looked up several times are added up; all others are 0, as Paddle's
    own optimizers take them if they are not `lazy_mode`.
    """
    if grad is None or not grad.is_selected_rows():
        return grad
    with paddle.no_grad():  # else Paddle would note this for a second derivative
        return paddle.add_n([paddle.zeros(param.shape, grad.dtype), grad])


def all_dense(pairs: Any) -> Any:
    """`dense` for what Paddle hands over: pairs, or a group that has them in it."""
    if isinstance(pairs, dict):
        return {**pairs, "params": all_dense(pairs["params"])}
    return [(p, dense(g, p)) for p, g in pairs]


def fitted(grad: Any, param: Any) -> Any:
    """The gradient in the shape and dtype in which the rule works.

    Paddle's clip by the global norm makes shape (1,) of shape (), and mixed precision
    may have gradients of another dtype.
    """
    if list(grad.shape) != list(param.shape):
        grad = grad.reshape(param.shape)
    return grad if grad.dtype == param.dtype else grad.astype(param.dtype)
