"""What lies between two built-in optimizers: one factor at a time, ready to be trained.

A factor is one thing that can be changed by itself: a default, the place of ε, what the
learning rate multiplies, the kind of weight decay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .formulas import SYMBOLS
from .scenario import BuiltinFormula
from .traits import Builtin

EXAMPLE_DECAY = 0.01  # where the settings have no weight decay, so that its kind shows


@dataclass(frozen=True)
class Factor:
    """One thing to change: what it is, its two sides, the settings with and without."""

    name: str
    before: str
    after: str
    differs: bool  # between the two built-ins; else it is shown for comparison
    without: BuiltinFormula
    changed: BuiltinFormula


@dataclass(frozen=True)
class Between:
    """Two built-ins of a kind, and the settings with which the first one runs.

    `given` are those of the settings that are the same on both sides.
    """

    kind: str
    a: Builtin
    b: Builtin
    settings: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def base(self) -> BuiltinFormula:
        """The first built-in with its settings: what each factor changes."""
        return BuiltinFormula(self.kind, self.a.traits, self.settings)

    @property
    def settings_of_b(self) -> dict[str, Any]:
        """The second one's: what is given, and its own defaults for the rest."""
        defaults = {n: v for n, v in self.b.defaults.items() if n in self.settings}
        return self.b.effective({**self.settings, **defaults, **self.given})

    def factors(self) -> list[Factor]:
        """Every factor: first those in which the two differ, and these together.

        Then come, for comparison, those in which only published programs differ.
        """
        each = [
            *self._defaults(),
            self._place_of_eps(),
            *self._use_of_momentum(),
            *self._place_of_lr(),
            self._kind_of_decay(),
            self._start_of_s(),
        ]
        return [
            *(factor for factor in each if factor.differs),
            self._all_together(),
            *(factor for factor in each if not factor.differs),
            *self._of_published_programs(),
        ]

    def _with(self, **settings: Any) -> BuiltinFormula:
        """The first built-in with other settings."""
        return replace(self.base, settings={**self.settings, **settings})

    def _defaults(self) -> Iterator[Factor]:
        """The value of η, γ, ε, … where nobody gave one and the defaults differ."""
        for name, value in self.settings.items():
            other = self.b.defaults.get(name, value)
            named = name in self.a.keywords and name in self.b.keywords
            if named and name not in self.given and other != value:
                settings = self.a.effective({**self.settings, name: other})
                yield Factor(
                    f"{SYMBOLS.get(name, name)}'s value",
                    f"{self.a.keywords[name]}={value:g}",
                    f"{self.b.keywords[name]}={other:g}",
                    True,
                    self.base,
                    replace(self.base, settings=settings),
                )

    def _place_of_eps(self) -> Factor:
        """√(s + ε), or √s + ε."""
        inside = self.a.traits.eps_inside
        places = {True: "√(s + ε)", False: "√s + ε"}
        sides = places[inside], places[not inside]
        differs = inside != self.b.traits.eps_inside
        moved = self._with(eps_inside=not inside)
        return Factor("ε's place", *sides, differs, self.base, moved)

    def _use_of_momentum(self) -> Iterator[Factor]:
        """A momentum that is given and that one of the two ignores."""
        used, other = self.settings.get("momentum"), self.settings_of_b.get("momentum")
        if "momentum" in self.given and bool(used) != bool(other):
            sides = ("used", "ignored") if used else ("ignored", "used")
            changed = self._with(momentum=other)
            yield Factor("momentum", *sides, True, self.base, changed)

    def _place_of_lr(self) -> Iterator[Factor]:
        """With momentum: b ← μb + ηu and p ← p − b, or b ← μb + u and p ← p − ηb."""
        if self.settings.get("momentum"):
            traits, inside = self.a.traits, self.a.traits.lr_in_buffer
            places = {True: "inside the buffer", False: "outside"}
            sides = places[inside], places[not inside]
            differs = inside != self.b.traits.lr_in_buffer
            moved = replace(self.base, traits=replace(traits, lr_in_buffer=not inside))
            yield Factor("η and momentum", *sides, differs, self.base, moved)

    def _kind_of_decay(self) -> Factor:
        """λp in the gradient, or p ← p − ηλp beside the step."""
        traits, decoupled = self.a.traits, self.a.traits.decoupled
        used = self.settings.get("weight_decay")
        decay = used or EXAMPLE_DECAY
        kinds = {True: f"decoupled λ={decay:g}", False: f"coupled λ={decay:g}"}
        differs = bool(used) and decoupled != self.b.traits.decoupled
        decayed = self._with(weight_decay=decay)
        other = replace(decayed, traits=replace(traits, decoupled=not decoupled))
        sides = kinds[decoupled], kinds[not decoupled]
        return Factor("decay", *sides, differs, decayed, other)

    def _start_of_s(self) -> Factor:
        """0, or more: where the two start, or for comparison at 0 and 1."""
        start, other = (
            self.settings.get("start", 0.0),
            self.b.defaults.get("start", 0.0),
        )
        differs = start != other
        if not differs:
            other = 1.0 if start == 0 else 0.0
        sides, changed = (f"{start:g}", f"{other:g}"), self._with(start=other)
        return Factor("start value of s", *sides, differs, self.base, changed)

    def _all_together(self) -> Factor:
        """The second built-in itself."""
        b = replace(self.base, traits=self.b.traits, settings=self.settings_of_b)
        return Factor("all in which the two differ", "", "", True, self.base, b)

    def _of_published_programs(self) -> Iterator[Factor]:
        """What is no matter of the optimizer, but differs from program to program."""
        base = self.base
        doubled = replace(base, loss_factor=2.0)
        yield Factor("loss factor", "½·MSE", "MSE", False, base, doubled)
        longer = replace(base, epochs=4)
        yield Factor("epochs", "2", "4", False, base, longer)
        uniform = replace(base, random_bias=True)
        yield Factor("initial bias", "0", "uniform ±1/√5", False, base, uniform)
