"""Paddle's own RMSProp as one step over large tensors, to measure beside the rule."""

from typing import Any

import paddle

from ..backend.contract import Tensor


def _step(h: dict[str, float], p: Tensor, g: Tensor) -> Any:
    p = p.clone().detach()
    p.stop_gradient = False
    p.grad = g
    opt = paddle.optimizer.RMSProp(
        h["lr"], rho=h["gamma"], epsilon=h["eps"], parameters=[p]
    )
    return opt.step


steps = {"built-in": _step}
