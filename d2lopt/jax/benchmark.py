"""optax's own RMSProp as one step over large arrays, to measure beside the rule."""

from typing import Any

import jax
import optax

from ..backend.contract import Tensor


def _step(h: dict[str, float], p: Tensor, g: Tensor, *, donate: bool) -> Any:
    opt = optax.rmsprop(h["lr"], decay=h["gamma"], eps=h["eps"])

    def both(now: Any, g: Tensor) -> Any:
        p, state = now
        updates, state = opt.update(g, state, p)
        return optax.apply_updates(p, updates), state

    program = jax.jit(both, donate_argnums=0 if donate else ())
    now = p + 0, opt.init(p)

    def turn() -> None:
        nonlocal now
        now = jax.block_until_ready(program(now, g))

    return turn


steps = {
    "built-in, jit": lambda h, p, g: _step(h, p, g, donate=False),
    "built-in, jit with donated buffers": lambda h, p, g: _step(h, p, g, donate=True),
}
