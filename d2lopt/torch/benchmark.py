"""PyTorch's own RMSprop as one step over large tensors, to measure beside the rule."""

from typing import Any

import torch

from ..backend.contract import Tensor


def _step(h: dict[str, float], p: Tensor, g: Tensor, **how: Any) -> Any:
    p = p.clone().requires_grad_()
    p.grad = g
    opt = torch.optim.RMSprop([p], h["lr"], alpha=h["gamma"], eps=h["eps"], **how)
    return opt.step


steps = {
    "built-in": _step,
    "built-in, foreach": lambda h, p, g: _step(h, p, g, foreach=True),
}
