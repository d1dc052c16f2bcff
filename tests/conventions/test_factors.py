"""The factors between two built-ins: together they are the whole difference.

What a built-in computes is taken from where it is measured: `conformance.by_rule` is
held against the framework itself in test_conformance.py.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from d2lopt.conventions.conformance import OPTIONS, by_rule, path
from d2lopt.conventions.explain import explain
from d2lopt.conventions.factors import TOGETHER, differences, sides
from d2lopt.conventions.scenario import Runs
from d2lopt.conventions.table import ROWS, find_row, kind_of, row_of
from d2lopt.conventions.traits import chain, hyperparams
from d2lopt.errors import InputError

OWN = [name for name, rows in ROWS.items() if rows]
OPTIMIZERS = [
    "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw"
]  # fmt: skip
PAIRS = [
    (optimizer, a, b)
    for optimizer in OPTIMIZERS
    for a in OWN
    for b in OWN
    if a != b and all(find_row(name, *kind_of(optimizer)) for name in (a, b))
]
every_pair = pytest.mark.parametrize(("optimizer", "source", "target"), PAIRS)
# With these, some factors have no effect: ε or η is 0, or η is 1.
WITHOUT_EFFECT = [{"eps": 0.0}, {"lr": 0.0}, {"lr": 1.0}]
LOSSES = {"data": "stand-in", "seeds": 2, "batch_size": 500}


def by_row(name, optimizer, given, instead):
    """Where a built-in is after each step; what is not given is its default."""
    kind, options = kind_of(optimizer)
    given = {**given, **options}
    row = find_row(name, kind, given) or row_of(name, optimizer)
    settings = {**instead, **row.defaults, **given, **row.fixed}
    if "momentum" in row.only_with and not settings.get("centered"):
        settings["momentum"] = 0.0
    return by_rule(row, settings, "float64")


@cache
def _path(rule, numbers):
    return path(rule, dict(numbers), "float64")


def by_formula(formula):
    """Where a formula is after each step."""
    rule = chain(formula.kind, formula.traits, formula.settings)
    return _path(rule, tuple(hyperparams(formula.settings).items()))


def all_applied(factors, formula):
    for factor in factors:
        formula = factor.applied(formula)
    return formula


def apart(places, others):
    """The largest |p − p̂| over the steps, relative to the largest |p̂| of its step.

    With ε = 0, the coordinate whose gradient is 0 is 0/0: NaN on both sides.
    """
    gaps = []
    for p, exact in zip(places, others, strict=True):
        np.testing.assert_array_equal(np.isnan(p), np.isnan(exact))
        gaps.append(np.nanmax(np.abs(p - exact)) / np.nanmax(np.abs(exact)))
    return max(gaps)


@every_pair
def test_the_factors_turn_one_built_in_into_the_other(optimizer, source, target):
    """In every option: to 1e-12, applied together; each alone does something."""
    done = 0
    for given in [*OPTIONS, *WITHOUT_EFFECT]:
        try:
            a, b = sides(optimizer, source, target, given)
        except InputError:
            continue  # one of the two lacks the option
        done += 1
        instead = {"lr": 0.01} | ({"momentum": 0.9} if a.row.kind == "momentum" else {})
        first = by_row(source, optimizer, given, instead)
        instead = {name: a.settings[name] for name in instead}
        second = by_row(target, optimizer, given, instead)
        factors = differences(a, b)
        names = [factor.name for factor in factors]
        assert len(set(names)) == len(names)
        assert apart(by_formula(a.formula), first) == 0, given
        made = by_formula(all_applied(factors, a.formula))
        assert apart(made, second) <= 1e-12, (given, names)
        for factor in factors:
            if given not in WITHOUT_EFFECT:
                alone = by_formula(factor.applied(a.formula))
                assert apart(alone, first) > 1e-14, (given, factor)
    assert done >= 4


def named(said):
    """The factors in which the two differ, one by one."""
    return [e for e in said.effects if e.differs and e.factor != TOGETHER]


@pytest.mark.slow
@every_pair
def test_what_explain_names_is_the_difference_on_the_data(optimizer, source, target):
    """To 1e-12, applied together; and whatever it shows does something.

    But for η inside or outside the momentum buffer, which is shown to do nothing. What
    has no effect with these settings on these data is not named.
    """
    runs = Runs([0, 1], "stand-in", LOSSES["batch_size"])
    more = [{"weight_decay": 0.1, "clip_value": 0.5}, *WITHOUT_EFFECT]
    for given in [{}, *(more if source == OWN[0] else [])]:
        try:
            said = explain(optimizer, source, target, given, **LOSSES)
        except InputError:
            continue
        a, b = sides(optimizer, source, target, given)
        if given == {"lr": 0.0} and a.ignores("lr") != b.ignores("lr"):
            continue  # while η is 0, no other factor can be seen
        factors = {factor.name: factor for factor in differences(a, b)}
        made = all_applied([factors[e.factor] for e in named(said)], a.formula)
        ends = runs.of(made).curves, runs.of(b.formula).curves
        np.testing.assert_allclose(*ends, rtol=1e-12)
        for effect in said.effects:
            seen = effect.factor not in (TOGETHER, "η and momentum")
            if seen and (effect.differs or given == {}):
                assert effect.on_the_way > 0, (given, effect)


def test_a_default_of_beta_is_that_of_the_bias_correction_too():
    """Two numbers, of which a framework may round one."""
    a, b = sides("adam", "torch", "tensorflow", {})
    b = replace(b, settings={**b.settings, "beta1": 0.8})
    factors = {factor.name: factor for factor in differences(a, b)}
    changed = {"beta1": 0.8, "beta1_correction": float(np.float32(0.8))}
    assert factors["β₁'s value"].settings == changed
    made = all_applied(factors.values(), a.formula)
    assert apart(by_formula(made), by_formula(b.formula)) == 0


def test_true_factors_by_name():
    """Adam's ε meets √v before the correction or √v̂ behind it; nothing has its place
    in a root there, nor in SGD, nor in Adadelta."""

    def factors(optimizer, source, target, **given):
        return [
            e.factor for e in named(explain(optimizer, source, target, given, **LOSSES))
        ]

    same = {"lr": 0.01, "eps": 1e-8}
    assert factors("adam", "torch", "jax", **same) == []
    assert factors("adam", "torch", "tensorflow", **same) == [
        "ε and the bias correction",
        "hyperparameters in float32",
    ]
    assert factors("sgd", "torch", "jax", lr=0.01, weight_decay=0.1) == []
    assert factors("sgd", "torch", "tensorflow", lr=0.5, weight_decay=0.5) == []
    assert factors("adadelta", "torch", "jax") == []
    assert factors("adadelta", "torch", "mxnet") == ["ε's value"]
    assert factors("adadelta", "torch", "mxnet", lr=0.5) == [
        "learning rate",
        "ε's value",
    ]
    assert factors("nesterov", "jax", "mxnet", lr=0.5, momentum=0.5) == []
    decayed = {"lr": 0.5, "weight_decay": 0.5}
    assert factors("momentum", "torch", "tensorflow", **decayed, momentum=0.5) == [
        "decay"
    ]
    assert factors("momentum", "torch", "tensorflow", **decayed, momentum=0.0) == []
    assert factors("adagrad", "torch", "tensorflow", **same) == [
        "start value of s",
        "ε's place",
        "hyperparameters in float32",
    ]
    assert factors("adagrad", "torch", "tensorflow", lr=0.5, eps=0.0, start=0.0) == []
    clipped = {"lr": 0.5, "eps": 1e-6, "weight_decay": 0.5, "clip_value": 0.125}
    assert factors("adam", "mxnet", "paddle", **clipped) == [
        "ε and the bias correction",
        "decay",
        "hyperparameters in float32",
    ]


@pytest.mark.parametrize(
    ("optimizer", "given", "message"),
    [
        ("sgd", {"gamma": 0.9}, "PyTorch's optim.SGD has no gamma that the table"),
        ("adam", {"momentum": 0.9}, "PyTorch's optim.Adam has no momentum that"),
        ("nesterov", {"weight_decay": 0.1}, "MXNet's nag has no weight_decay that"),
        ("adadelta", {"weight_decay": 0.1}, "MXNet's adadelta has no weight_decay"),
        ("adamw", {}, "MXNet has no adamw of its own. These have: torch, "),
        ("yogi", {}, "PyTorch has no yogi of its own. These have: none"),
        ("sgd", {"lr": -1.0}, "lr must be a number from 0 upwards"),
    ],
)
def test_what_one_of_the_two_lacks_is_refused(optimizer, given, message):
    """It is not left out in silence, nor trained as if the framework had it."""
    with pytest.raises(InputError, match=message):
        explain(optimizer, "torch", "mxnet", given, **LOSSES)
    neutral = {"momentum": 0.0, "weight_decay": 0.0}
    assert explain("sgd", "torch", "mxnet", neutral, **LOSSES).loss
