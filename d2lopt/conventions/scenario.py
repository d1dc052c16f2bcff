"""One way to run an optimizer on the airfoil data, computed on NumPy in float64.

What `explain`, `translate` and the report compare are such runs: a setting, in
variants, over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import rules
from ..backend import load
from ..rules import pieces
from ..train.scratch import from_scratch
from .traits import Builtin, Traits, chain, hyperparams


@dataclass(frozen=True)
class Scenario:
    """One way to run an optimizer on the data."""

    kind: str
    traits: Traits
    settings: Mapping[str, Any]
    loss_factor: float = 1.0  # of the loss that the gradients are of
    epochs: int = 2
    random_bias: bool = False  # the start of b: uniform in ±1/√5, or 0

    def run(self, seed: int, source: str, batch_size: int) -> list[float]:
        """The full-data ½·MSE on the way, from NumPy in float64."""
        d2l = load("numpy")
        rule = chain(self.kind, self.traits, self.settings)
        if self.loss_factor != 1:
            rule = pieces.Chain(pieces.Times(self.loss_factor), *rule.pieces)
        data_iter, feature_dim = d2l.get_data_ch11(
            batch_size, seed=seed, source=source, dtype="float64", quiet=True
        )
        bias = 0.0
        if self.random_bias:
            bound = 1 / np.sqrt(feature_dim)
            bias = np.random.default_rng([seed, 1]).uniform(-bound, bound)
        curve = from_scratch(
            d2l,
            rule,
            lambda params: rule.init_states(d2l, params),
            hyperparams(self.settings),
            data_iter,
            feature_dim,
            self.epochs,
            bias=bias,
        )
        return [*curve.losses, float("inf")] if curve.diverged else curve.losses


def finite_or_none(x: Any) -> float | None:
    """x as a float; None if it is inf or NaN, which JSON cannot have."""
    return float(x) if np.isfinite(x) else None


@dataclass(frozen=True)
class FromScratch:
    """The rule itself, run as a `Scenario` is."""

    optimizer: str
    settings: Mapping[str, float]
    epochs: int

    def run(self, seed: int, source: str, batch_size: int) -> list[float]:
        """The full-data ½·MSE on the way, from NumPy in float64."""
        d2l, rule = load("numpy"), rules.find(self.optimizer)
        data_iter, feature_dim = d2l.get_data_ch11(
            batch_size, seed=seed, source=source, dtype="float64", quiet=True
        )
        curve = from_scratch(
            d2l,
            getattr(d2l, rule.step.__name__),
            lambda params: rule.init_states(d2l, params),
            self.settings,
            data_iter,
            feature_dim,
            self.epochs,
        )
        return [*curve.losses, float("inf")] if curve.diverged else curve.losses


Run = FromScratch | Scenario


def rounding(row: Builtin, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a built-in has them that keeps some of them in float32."""
    found = dict(settings)
    for beta in ("beta1", "beta2"):  # rounded or not, the corrections are told apart
        found |= {f"{beta}_correction": found[beta]} if beta in found else {}
    for name in row.rounds:
        exact = settings.get(name.removesuffix("_correction"))
        if exact is not None:
            found[name] = float(np.float32(exact))
    return found
