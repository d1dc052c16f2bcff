"""A chain over groups of parameters, and the names of what rules keep."""

import numpy as np
import pytest

from d2lopt.errors import InputError
from d2lopt.pieces import (
    PIECES,
    ByLr,
    ByMoments,
    ByRms,
    Chain,
    ClipByGlobalNorm,
    CoupledL2,
    Momentum,
    Piece,
    Times,
)
from d2lopt.rules import RULES, as_rule, native
from d2lopt.rules.checks import leaves
from d2lopt.rules.groups import needs_all, over_groups
from d2lopt.rules.state_names import state_names

CHAIN = Chain(ClipByGlobalNorm(), CoupledL2(), Momentum(), ByLr()).rule
NUMBERS = {"clip": 1.0, "weight_decay": 0.1, "momentum": 0.5, "lr": 0.1}


def tensors(d2l, values):
    return [d2l.variable(d2l.tensor(np.array([v]), "float64")) for v in values]


def test_a_piece_that_needs_all_updates_gets_those_of_all_groups(d2l):
    """Gradients 3, 0 and 4 have the norm 5, wherever the groups part."""
    grads = [3.0, 0.0, 4.0]
    groups = [(2, NUMBERS), (1, NUMBERS | {"lr": 0.2, "weight_decay": 0.0})]
    params = tensors(d2l, [1.0, 2.0, 3.0])
    states = native.start(d2l, CHAIN, params)
    for _ in range(2):
        over_groups(CHAIN).step(
            d2l, params, tensors(d2l, grads), states, {"groups": groups}
        )
    found = [d2l.numpy(p).item() for p in params]
    expected = []
    each = ((1.0, 0.6, 0.1, 0.1), (2.0, 0.0, 0.1, 0.1), (3.0, 0.8, 0.2, 0.0))
    for p, clipped, lr, decay in each:
        b = clipped + decay * p
        p -= lr * b
        b = 0.5 * b + clipped + decay * p
        expected.append(p - lr * b)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_which_chains_need_all():
    assert needs_all(CHAIN)
    assert not needs_all(Chain(CoupledL2(), ByMoments(), ByLr()).rule)
    assert not any(needs_all(rule) for rule in RULES.values())
    assert not needs_all(as_rule(lambda params, grads, states, h: None))


def test_a_number_that_differs_is_refused_before_anything_changes(oracle):
    params = tensors(oracle, [1.0, 2.0])
    states = native.start(oracle, CHAIN, params)
    groups = [(1, NUMBERS), (1, NUMBERS | {"clip": 2.0})]
    with pytest.raises(InputError, match="give every group of them the same clip, or"):
        over_groups(CHAIN).step(
            oracle, params, tensors(oracle, [3.0, 4.0]), states, {"groups": groups}
        )
    assert [p.item() for p in params] == [1.0, 2.0]
    assert not any(leaf.any() for leaf in leaves(states))


def test_a_number_that_a_piece_asks_for_by_get(oracle):
    """A default is for what no group has, not for what groups have differently."""

    class Scaled(Piece):
        def update(self, d2l, params, updates, states, h):
            return [h.get("scale", 1.0) * u for u in updates]

    chain = over_groups(Chain(Scaled()).rule)
    params = tensors(oracle, [1.0, 2.0])

    def step(first, second):
        groups = {"groups": [(1, first), (1, second)]}
        chain.step(oracle, params, tensors(oracle, [1.0, 1.0]), [((),), ((),)], groups)

    step({}, {})
    step({"scale": 0.5}, {"scale": 0.5})
    assert [p.item() for p in params] == [-0.5, 0.5]
    for second in ({"scale": 0.5}, {}):
        with pytest.raises(InputError, match="the same scale"):
            step({"scale": 1.0}, second)
    with pytest.raises(InputError, match="the same scale"):
        step({}, {"scale": 1.0})


# ------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", RULES)
def test_each_rule_names_what_it_keeps(oracle, name):
    rule = RULES[name]
    (state,) = native.start(oracle, rule, [oracle.variable(oracle.zeros(3))])
    names = leaves(state_names(rule, state))
    assert len(names) == len(set(names)) == len(leaves(state))
    assert not any(n.startswith("state") for n in names)  # they are letters


KEPT = [piece for piece in PIECES.values() if piece.init is not Piece.init]
WAYS = [ByRms(), ByRms(centered=True), ByRms(centered=True, corrected=True)]
WAYS += [piece() for piece in KEPT if piece is not ByRms] + [ByRms(corrected=True)]


@pytest.mark.parametrize("piece", WAYS, ids=repr)
def test_each_piece_names_what_it_keeps(oracle, piece):
    rule = Chain(Times(2.0), piece, piece, Momentum(), ByLr()).rule
    (state,) = native.start(oracle, rule, [oracle.variable(oracle.zeros(3))])
    nested = state_names(rule, state)
    assert [len(part) for part in nested] == [len(part) for part in state]
    names = leaves(nested)
    assert len(names) == len(set(names)) == len(leaves(state))
    assert all(n.removesuffix("_2").removesuffix("_3").isalnum() for n in names), names
    assert nested[2] == tuple(f"{n}_2" for n in nested[1])


def test_names_of_what_a_learner_keeps():
    class Twice(Piece):
        """A piece whose state nobody has given letters."""

    rule = as_rule(lambda params, grads, states, h: None)
    assert state_names(rule, 0.0) == "state"
    assert state_names(rule, (0.0, [1.0, 2.0])) == (
        "state_0",
        ["state_1_0", "state_1_1"],
    )
    assert state_names(rule, ()) == ()
    chain = Chain(Twice(), Momentum(), Twice()).rule
    state = ((0.0,), (0.0,), (0.0,))
    assert state_names(chain, state) == (("Twice_0",), ("b",), ("Twice_0_2",))
