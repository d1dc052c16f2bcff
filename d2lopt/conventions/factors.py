"""What lies between two built-in optimizers: one factor at a time, ready to be trained.

A factor is one thing that can be changed by itself: a default, the place of ε, the kind
of weight decay. All in which two built-ins differ, applied together, turn the formula
of the first into that of the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from .formulas import SYMBOLS
from .scenario import BuiltinFormula
from .table import find_row, kind_of, row_of
from .traits import NEUTRAL, Builtin, Traits, chain, hyperparams, way_of_decay

EXAMPLE_DECAY = 0.01  # where the settings have no weight decay, so that its kind shows
TOGETHER = "all in which the two differ"
ROUNDED = "hyperparameters in float32"
LR_AND_MOMENTUM = "η and momentum"


# ------------------------------------------------------------------ the two built-ins


@dataclass(frozen=True)
class Side:
    """One of the two: a built-in, and every setting with which it runs, in our words.

    What the built-in ignores is at the value that has no effect.
    """

    row: Builtin
    settings: Mapping[str, Any]

    @property
    def formula(self) -> BuiltinFormula:
        """What it computes, with those settings in float32 that it rounds."""
        settings = self.row.rounded(self.settings)
        return BuiltinFormula(self.row.kind, self.row.traits, settings)

    def ignores(self, name: str) -> bool:
        """Whether it takes no notice of a setting."""
        return name in self.row.ignores(self.settings)

    def says(self, name: str) -> str:
        """A setting as the framework writes it."""
        if self.ignores(name):
            return "ignored"
        word, value = self.row.keywords.get(name), self.settings[name]
        return f"{word}={_short(value)}" if word else _short(value)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def sides(
    optimizer: str, source: str, target: str, given: Mapping[str, Any]
) -> tuple[Side, Side]:
    """The built-ins of two frameworks, with what is `given` on both sides.

    What is not given is each framework's default. Without one, the second takes what
    the first has, and the first a learning rate of 0.01 and a momentum of 0.9.

    Raises an InputError for a framework without the optimizer, and for a setting that
    one of the two does not have.
    """
    kind, options = kind_of(optimizer)
    settings = {**given, **options}
    required = {"lr": 0.01, **({"momentum": 0.9} if kind == "momentum" else {})}
    a = _side(source, optimizer, settings, required)
    return a, _side(target, optimizer, settings, {n: a.settings[n] for n in required})


def _side(
    framework: str,
    optimizer: str,
    given: Mapping[str, Any],
    required: Mapping[str, Any],
) -> Side:
    kind, _ = kind_of(optimizer)
    row = find_row(framework, kind, given) or row_of(framework, optimizer)
    settings = row.full({**required, **row.defaults, **given, **row.fixed})
    for name, value in given.items():
        known = row.options | row.ignores(settings)
        if name not in known and value != NEUTRAL.get(name):
            raise InputError(
                f"{FRAMEWORKS[framework].title}'s {row.name} has no {name} that the "
                "table of conventions knows: leave it out."
            )
    # The hyperparameters before the options, as people name them.
    ordered = sorted(
        row.effective(settings).items(), key=lambda item: item[0] in NEUTRAL
    )
    return Side(row, dict(ordered))


# ------------------------------------------------------------------------- one factor


@dataclass(frozen=True)
class Factor:
    """One thing to change: what it is, its two sides, and the change itself.

    `shown_at` are settings without which the change would have no effect.
    """

    name: str
    before: str
    after: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, bool] = field(default_factory=dict)
    program: Mapping[str, Any] = field(default_factory=dict)  # what is not a formula's
    shown_at: Mapping[str, Any] = field(default_factory=dict)

    def without(self, base: BuiltinFormula) -> BuiltinFormula:
        """The formula before the change."""
        return replace(base, settings={**base.settings, **self.shown_at})

    def applied(self, base: BuiltinFormula) -> BuiltinFormula:
        """The formula with the change."""
        traits = replace(base.traits, **self.traits)
        settings = {**base.settings, **self.shown_at, **self.settings}
        return replace(base, traits=traits, settings=settings, **self.program)

    def changes(self, base: BuiltinFormula) -> bool:
        """Whether it makes other pieces of the formula, or other numbers in them."""
        without, applied = self.without(base), self.applied(base)
        return bool(self.program) or _computed(without) != _computed(applied)


def _computed(formula: BuiltinFormula) -> tuple[Any, dict[str, Any]]:
    """The pieces of a formula, and the hyperparameters that they read."""
    made = chain(formula.kind, formula.traits, formula.settings)
    needs = {name for piece in made.pieces for name in piece.needs}
    numbers = hyperparams(formula.settings)
    return made, {n: v for n, v in numbers.items() if _setting(n) in needs}


def _setting(number: str) -> str:
    """The setting that gives a number in a formula its value.

    β in Adam's averages and in its bias correction are two numbers: a framework may
    round one of them and not the other.
    """
    return number.removesuffix("_correction")


def differences(a: Side, b: Side) -> list[Factor]:
    """All in which the formula of the second is another than that of the first."""
    every = [
        *_values(a, b),
        _place_of_eps(a, b.settings["eps_inside"]),
        _eps_and_correction(a, b.row.traits.raw),
        *_decay(a, b.row.traits, a.settings["weight_decay"]),
        *_rounding(a, b),
    ]
    return [factor for factor in every if factor.changes(a.formula)]


def comparisons(a: Side, b: Side) -> list[Factor]:
    """What has no part in the difference between the two, but in that of others."""
    differ = {factor.name for factor in differences(a, b)}
    other_decay = replace(a.row.traits, decoupled=not a.row.traits.decoupled)
    every = [
        _place_of_eps(a, not a.settings["eps_inside"]),
        _eps_and_correction(a, not a.row.traits.raw),
        _place_of_lr(a),
        *_decay(a, other_decay, a.settings["weight_decay"] or EXAMPLE_DECAY),
        _start_of_s(a),
        # What is no matter of the optimizer, but differs from program to program.
        Factor("loss factor", "½·MSE", "MSE", program={"loss_factor": 2.0}),
        Factor("epochs", "2", "4", program={"epochs": 4}),
        Factor("initial bias", "0", "uniform ±1/√5", program={"random_bias": True}),
    ]
    return [f for f in every if f.name not in differ and f.changes(a.formula)]


# ------------------------------------------------------------------ settings and values


def _values(a: Side, b: Side) -> Iterator[Factor]:
    """The value of η, γ, ε, … where nobody gave one and the defaults differ.

    Also one that is given, and that one of the two ignores.
    """
    after = b.formula.settings
    for name in dict.fromkeys((*a.row.keywords, *b.row.keywords)):
        if name == "eps_inside" or a.settings[name] == b.settings[name]:
            continue
        title = f"{_symbol(name)}'s value"
        traits = {}
        if a.ignores(name) != b.ignores(name):
            title = {"lr": "learning rate"}.get(name, name)
            traits = {"uses_lr": b.row.traits.uses_lr} if name == "lr" else {}
        elif name == "start":
            title = "start value of s"
        changed = {n: v for n, v in after.items() if _setting(n) == name}
        yield Factor(title, a.says(name), b.says(name), changed, traits)


def _rounding(a: Side, b: Side) -> Iterator[Factor]:
    """Hyperparameters that only one of the two rounds to float32."""
    before, after = a.formula.settings, b.formula.settings
    exact = {n: a.settings[_setting(n)] for n in after}
    names = [
        name
        for name, value in exact.items()
        if b.settings[_setting(name)] == value and before[name] != after[name]
    ]

    def rounded(numbers: Mapping[str, Any]) -> str:
        of = [_symbol(name) for name in names if numbers[name] != exact[name]]
        return ", ".join(of) or "none"

    if names:
        changed = {name: after[name] for name in names}
        yield Factor(ROUNDED, rounded(before), rounded(after), changed)


def _symbol(number: str) -> str:
    """How a number is written in formulas; βᵗ is that of the bias correction."""
    name = _setting(number)
    return SYMBOLS.get(name, name) + ("" if name == number else "ᵗ")


def _start_of_s(a: Side) -> Factor:
    """0 or 1, for comparison."""
    start = a.settings["start"]
    other = 1.0 if start == 0 else 0.0
    return Factor("start value of s", f"{start:g}", f"{other:g}", {"start": other})


# ------------------------------------------------------------- the places in a formula


def _place_of_eps(a: Side, inside: bool) -> Factor:
    """√(s + ε), or √s + ε."""
    places = {True: "√(s + ε)", False: "√s + ε"}
    before = places[a.settings["eps_inside"]]
    return Factor("ε's place", before, places[inside], {"eps_inside": inside})


def _eps_and_correction(a: Side, raw: bool) -> Factor:
    """Adam's ε: added to √v̂, behind the bias correction, or to √v, before it."""
    places = {True: "√v + ε", False: "√v̂ + ε"}
    before = places[a.row.traits.raw]
    return Factor("ε and the bias correction", before, places[raw], traits={"raw": raw})


def _place_of_lr(a: Side) -> Factor:
    """With momentum: b ← μb + ηu and p ← p − b, or b ← μb + u and p ← p − ηb.

    That is the same while η is constant, and so never parts two runs here.
    """
    inside = a.row.traits.lr_in_buffer
    places = {True: "inside the buffer", False: "outside"}
    traits = {"lr_in_buffer": not inside}
    return Factor(LR_AND_MOMENTUM, places[inside], places[not inside], traits=traits)


def _decay(a: Side, traits: Traits, decay: float) -> Iterator[Factor]:
    """λp in the gradient, before or after clipping, or p ← p − ηλp beside the step."""
    kind, settings = a.row.kind, {**a.settings, "weight_decay": decay}
    before = way_of_decay(kind, a.row.traits, settings)
    after = way_of_decay(kind, traits, settings)
    if before != after:
        coupled = f"coupled λ={decay:g}"
        yield Factor(
            "decay",
            f"{before}".replace("coupled", coupled),
            f"{after}".replace("coupled", coupled),
            traits={"decoupled": traits.decoupled, "clip_first": traits.clip_first},
            shown_at={} if a.settings["weight_decay"] else {"weight_decay": decay},
        )
