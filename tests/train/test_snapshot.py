"""When a rule counts as changed, so that a loop is compiled anew."""

import functools
import types

import numpy as np
import pytest

from d2lopt.rules.optimizers import sgd
from d2lopt.rules.pieces import ByLr, ByRms, Chain, Piece, Times
from d2lopt.train.snapshot import Snapshot


def same(rule, change=lambda: None):
    """Whether the rule counts as the same after the change."""
    before = Snapshot(rule)
    assert before == Snapshot(rule)
    assert hash(before) == hash(Snapshot(rule))
    change()
    return before == Snapshot(rule)


class Rates:
    fast = 0.1


numbers = {"lr": [0.1, 0.2], "on": {True}}
box = types.SimpleNamespace(lr=0.1)
rates = Rates()
array = np.array([0.1])


def helper(g):
    return helper_of_helper(g) * 1.0 if g is not None else helper(0)


def helper_of_helper(g):
    return factor * g


factor = 2.0


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        (lambda p: numbers["lr"][1] * p, lambda: numbers["lr"].append(0.3)),
        (lambda p: numbers, lambda: numbers["on"].add(None)),
        (lambda p: box.lr * p, lambda: setattr(box, "lr", 0.2)),
        (lambda p: rates.slow * p, lambda: setattr(rates, "slow", 0.2)),
        (lambda p: Rates.fast * p, lambda: setattr(Rates, "fast", 0.2)),
        (lambda p: [factor * x for x in p], lambda: globals().update(factor=2)),
        (lambda p: (lambda: factor * p)(), lambda: globals().update(factor=3.0)),
        (lambda p: helper(p), lambda: globals().update(factor=4.0)),
        (lambda p: array * p, lambda: globals().update(array=np.array([0.1]))),
    ],
)
def test_what_it_reads_is_looked_at(rule, change):
    assert not same(rule, change)


def test_so_are_defaults_and_attributes_and_what_is_filled_in():
    def rule(p, lr=0.1, *, decay=0.0):
        return lr * p

    assert not same(rule, lambda: setattr(rule, "__defaults__", (0.2,)))
    assert not same(rule, lambda: setattr(rule, "__kwdefaults__", {"decay": 0.1}))
    assert not same(rule, lambda: setattr(rule, "count", 1))
    first, second = (functools.partial(rule, lr=lr) for lr in (0.1, 0.2))
    assert Snapshot(first) != Snapshot(second)
    assert Snapshot(first) == Snapshot(functools.partial(rule, lr=0.1))


def test_a_method_is_its_object_and_its_function():
    class Mine:
        def __init__(self):
            self.lr = 0.1

        def rule(self, p):
            return self.lr * p

    one, other = Mine(), Mine()
    assert Snapshot(one.rule) == Snapshot(one.rule)
    assert Snapshot(one.rule) != Snapshot(other.rule)
    assert not same(one.rule, lambda: setattr(one, "lr", 0.2))


def test_what_it_does_not_read_is_not():
    def rule(p):
        return p

    assert same(rule, lambda: globals().update(factor=5.0))
    assert same(sgd, lambda: globals().update(factor=6.0))


def test_an_array_is_looked_at_only_for_which_one_it_is():
    """As the docstring of `compile` says: what changes within is not seen."""

    def rule(p):
        return array * p

    assert same(rule, lambda: array.__setitem__(0, 0.5))


def test_a_function_made_anew_is_another():
    def made():
        return lambda p: p

    assert Snapshot(made()) != Snapshot(made())


def test_chains_are_compared_by_their_pieces():
    class Mine(Piece):
        def one(self, d2l, p, u, state, h):
            return factor * u

    mine = Mine()
    for one, other, alike in [
        (Chain(ByRms(), ByLr()), Chain(ByRms(), ByLr()), True),
        (Chain(ByRms(), ByLr()), Chain(ByRms(eps_inside=False), ByLr()), False),
        (Chain(mine, Times(2.0)), Chain(mine, Times(2.0)), True),
        (Chain(mine, Times(2.0)), Chain(mine, Times(3.0)), False),
        (Chain(mine), Chain(Mine()), False),
        (Chain(Times([2.0])), Chain(Times([2.0])), True),
    ]:
        assert (Snapshot(one) == Snapshot(other)) is alike
    assert not same(Chain(mine), lambda: globals().update(factor=7.0))


def test_a_large_notebook_is_read_once():
    """Each of 2000 functions calls the next ones, and so on; the last reads a rate."""
    home = {"__name__": "notebook"}
    for i in range(2000):
        body = " or ".join(f"f{k}(p)" for k in range(i + 1, i + 5))
        exec(f"def f{i}(p):\n    return {body if i < 1990 else 'rate'}", home)
    home["rate"] = 0.1
    assert not same(home["f0"], lambda: home.update(rate=0.2))
