"""Training a setting of an optimizer over several seeds, on NumPy in float64.

A `Scenario` says what is trained: a rule of the library, or the formula of a built-in.
`Runs` trains scenarios, each of them once, and gives their loss curves. `explain`,
`translate` and the reasons in a report all compare such runs.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Backend, load
from ..rules import find, pieces
from ..train.problem import pose
from ..train.scratch import fit
from .curves import SeedCurves
from .traits import Traits, chain, hyperparams

InitStates = Callable[[Backend, Sequence[Any]], Any]
Progress = Callable[[int, int], None]  # runs done, runs in all


class Scenario(ABC):
    """What is trained: a rule with its settings, for a number of epochs."""

    settings: Mapping[str, Any]  # in our words
    epochs: int

    @abstractmethod
    def rule(self, d2l: Backend) -> tuple[Callable[..., None], InitStates]:
        """The rule to train with, and how its states start."""

    def initial_bias(self, seed: int, feature_dim: int) -> float:
        """Where b starts."""
        return 0.0

    def losses(self, seed: int, data: str, batch_size: int) -> list[float]:
        """The full-data ½·MSE every 20 steps, with inf at the end if it diverged.

        `data` is "stand-in" or the path of the airfoil file.
        """
        d2l = load("numpy")
        rule, init_states = self.rule(d2l)
        data_iter, feature_dim = d2l.get_data_ch11(
            batch_size, seed=seed, source=data, dtype="float64", quiet=True
        )
        problem = pose(d2l, data_iter, feature_dim, self.epochs, seed)
        w, b = problem.start
        problem.start = w, b + self.initial_bias(seed, feature_dim)

        def states(params: Sequence[Any]) -> Any:
            return init_states(d2l, params)

        numbers = hyperparams(self.settings)
        with warnings.catch_warnings():
            # A learning rate of 0 is a setting like any other here, and no mistake.
            warnings.filterwarnings("ignore", "the rule changed no parameter")
            curve = fit(d2l, rule, states, numbers, problem)
        return [*curve.losses, math.inf] if curve.diverged else curve.losses


@dataclass(frozen=True)
class LibraryRule(Scenario):
    """A rule of the library, as `rules/optimizers.py` writes it."""

    optimizer: str
    settings: Mapping[str, Any]
    epochs: int = 2

    def rule(self, d2l: Backend) -> tuple[Callable[..., None], InitStates]:
        rule = find(self.optimizer)
        return getattr(d2l, rule.step.__name__), rule.init_states


@dataclass(frozen=True)
class BuiltinFormula(Scenario):
    """What a built-in optimizer computes: the chain of pieces for its traits."""

    kind: str
    traits: Traits
    settings: Mapping[str, Any]
    loss_factor: float = 1.0  # of the loss that the gradients are of: 1 for ½·MSE
    epochs: int = 2
    random_bias: bool = False  # b starts uniform in ±1/√d, as in a layer; else at 0

    def rule(self, d2l: Backend) -> tuple[Callable[..., None], InitStates]:
        formula = chain(self.kind, self.traits, self.settings)
        if self.loss_factor != 1:
            formula = pieces.Chain(pieces.Times(self.loss_factor), *formula.pieces)
        return formula, formula.init_states

    def initial_bias(self, seed: int, feature_dim: int) -> float:
        if not self.random_bias:
            return 0.0
        bound = 1 / math.sqrt(feature_dim)
        return float(np.random.default_rng([seed, 1]).uniform(-bound, bound))


class Runs:
    """The loss curves of scenarios over the same seeds, each trained only once.

    `data` is "stand-in" or the path of the airfoil file.
    """

    def __init__(self, seeds: Sequence[int], data: str, batch_size: int = 10) -> None:
        self.seeds, self.data, self.batch_size = seeds, data, batch_size
        # By repr, as the settings are a dict and a scenario so cannot be a key itself.
        self._trained: dict[str, SeedCurves] = {}

    def train(
        self, scenarios: Iterable[Scenario], progress: Progress | None = None
    ) -> None:
        """Train those that have not been trained before, for every seed."""
        new = {repr(s): s for s in scenarios if repr(s) not in self._trained}
        done, of = 0, len(new) * len(self.seeds)
        for key, scenario in new.items():
            curves = []
            for seed in self.seeds:
                with np.errstate(all="ignore"):  # of a run that diverges
                    curves.append(scenario.losses(seed, self.data, self.batch_size))
                done += 1
                if progress is not None:
                    progress(done, of)
            self._trained[key] = SeedCurves(curves)

    def of(self, scenario: Scenario) -> SeedCurves:
        """The curves of a scenario, which is trained now if it was not before."""
        self.train([scenario])
        return self._trained[repr(scenario)]
