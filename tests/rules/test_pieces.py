"""Optimizers by composition: each piece's equation, and the same numbers everywhere."""

import numpy as np
import pytest

from d2lopt.rules.pieces import (
    ByLr,
    ByMoments,
    ByRms,
    ByRootOfSum,
    ByTwoRms,
    Chain,
    ClipByGlobalNorm,
    ClipByNorm,
    ClipByValue,
    ClipWeights,
    CoupledL1,
    CoupledL2,
    Decoupled,
    Momentum,
    Piece,
    Times,
)
from d2lopt.train import scratch as train

SETTINGS = {
    "lr": 0.01,
    "gamma": 0.9,
    "eps": 1e-3,
    "momentum": 0.9,
    "weight_decay": 0.05,
    "l1_decay": 0.05,
    "clip": 0.3,
    "clip_weights": 0.2,
    "rho": 0.9,
    "beta1": 0.9,
    "beta2": 0.999,
}

CHAINS = {
    "plain": Chain(ByRms(), ByLr()),
    "eps-outside": Chain(ByRms(eps_inside=False), ByLr()),
    "started": Chain(ByRms(start=0.5), ByLr()),
    "centered": Chain(ByRms(centered=True), ByLr()),
    "corrected": Chain(ByRms(centered=True, corrected=True), ByLr()),
    "momentum-outside": Chain(ByRms(), Momentum(), ByLr()),
    "momentum-inside": Chain(ByRms(), ByLr(), Momentum()),
    "nesterov": Chain(ByRms(), Momentum(nesterov=True), ByLr()),
    "l2": Chain(CoupledL2(), ByRms(), ByLr()),
    "l1": Chain(CoupledL1(), ByRms(), ByLr()),
    "decoupled": Chain(ByRms(), ByLr(), Decoupled()),
    "clip-value": Chain(ClipByValue(), ByRms(), ByLr()),
    "clip-norm": Chain(ClipByNorm(), ByRms(), ByLr()),
    "clip-global-norm": Chain(ClipByGlobalNorm(), ByRms(), ByLr()),
    "clip-weights": Chain(ByRms(), ByLr(), ClipWeights()),
    "everything": Chain(
        Times(2.0),
        ClipByGlobalNorm(1e-6),
        CoupledL2(),
        ByRms(False, True, 0.1),
        Momentum(True),
        ByLr(),
        Decoupled(),
    ),
    "adagrad": Chain(ByRootOfSum(), ByLr()),
    "adadelta": Chain(ByTwoRms()),
    "adam": Chain(ByMoments(), ByLr()),
    "adam-raw": Chain(ByMoments(raw=True), ByLr()),
}


def run(d2l, chain, dtype, compile=None, **changed):
    data_iter, feature_dim = d2l.get_data_ch11(
        32, source="stand-in", dtype=dtype, quiet=True
    )
    return train.from_scratch(
        d2l,
        chain,
        lambda params: chain.init_states(d2l, params),
        SETTINGS | changed,
        data_iter,
        feature_dim,
        compile=compile,
    )


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_gives_the_same_numbers_everywhere(d2l, oracle, name):
    exact = run(oracle, CHAINS[name], "float64").losses
    for dtype, rounding in (("float32", 1e-6), ("float64", 1e-12)):
        found = run(d2l, CHAINS[name], dtype)
        np.testing.assert_allclose(found.losses, exact, rtol=rounding)


def test_a_chain_runs_step_by_step_too(d2l, oracle):
    exact = run(oracle, CHAINS["everything"], "float64").losses
    eager = run(d2l, CHAINS["everything"], "float32", compile=False)
    np.testing.assert_allclose(eager.losses, exact, rtol=1e-6)


def test_any_hyperparameter_may_follow_a_schedule(d2l, oracle):
    """A schedule is a function of the number of steps done, from 0."""
    asked = []

    def falling(step):
        asked.append(step)
        return 0.02 / (1 + step / 50)

    def rising(step):
        return 0.8 + step / 1e3

    found = run(d2l, CHAINS["plain"], "float64", lr=falling, gamma=rising)
    assert asked == list(range(94))
    params = [np.random.default_rng(0).normal(0.0, 0.01, (5, 1)), np.zeros(1)]
    states = CHAINS["plain"].init_states(oracle, params)
    data_iter, _ = oracle.get_data_ch11(
        32, source="stand-in", dtype="float64", quiet=True
    )
    rng = np.random.default_rng(0)
    rng.normal(size=(5, 1))
    step = 0
    for _ in range(2):
        for X, y, weight in zip(*data_iter.epoch(rng), strict=True):
            r = weight * (X @ params[0] + params[1] - y)
            now = {"lr": 0.02 / (1 + step / 50), "gamma": 0.8 + step / 1e3}
            grads = [X.T @ r, r.sum(0)]
            CHAINS["plain"](oracle, params, grads, states, SETTINGS | now)
            step += 1
    for mine, theirs in zip(params, found.params, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-10)


@pytest.mark.parametrize("compile", [False, True])
def test_centered_with_a_constant_gradient_never_gives_nan(d2l, compile):
    """In float32 s − m² rounds below zero after some 130 steps."""
    chain = Chain(ByRms(centered=True), ByLr())
    params = [d2l.variable(d2l.ones((500, 1)))]
    states = chain.init_states(d2l, params)
    hyperparams = {"lr": 1e-4, "gamma": 0.9, "eps": 1e-8}

    def step(state, batch):
        params, states, hyperparams = state
        chain(d2l, params, [batch[0]], states, hyperparams)

    constant = np.geomspace(0.01, 100, 500).reshape(1, 500, 1)
    grads = d2l.tensor(np.tile(constant, (200, 1, 1)))
    d2l.fold(step, (params, states, hyperparams), [grads], None, compile)
    assert np.isfinite(d2l.numpy(params[0])).all()
    if not compile:  # a compiler may fuse the rounding away
        s, m = (d2l.numpy(x) for x in states[0][0])
        assert (s - np.square(m) < 0).any()  # so that the clamp was needed


# ----------------------------------------------------------- the equations, by example


def updates(oracle, piece: Piece, *gradients, start=1.0, **hyperparams):
    """What one parameter's updates become, step by step."""
    p = np.array([start])
    own = piece.init(oracle, p)
    found = []
    for g in gradients:
        (u,) = piece.update(oracle, [p], [np.array([g])], [own], hyperparams)
        found.append(float(u[0]))
    return found


def test_equations(oracle):
    def of(piece, *gradients, **more):
        return updates(oracle, piece, *gradients, **more)

    assert of(ByLr(), 3.0, lr=0.1) == pytest.approx([0.3])
    assert of(Times(2.0), 3.0) == [6.0]
    assert of(ClipByValue(), 3.0, -3.0, 0.2, clip=0.5) == [0.5, -0.5, 0.2]
    assert of(ClipByNorm(), 3.0, 0.2, clip=0.5) == [0.5, 0.2]
    assert of(CoupledL2(), 3.0, start=-2.0, weight_decay=0.5) == [2.0]
    assert of(CoupledL1(), 3.0, start=-2.0, l1_decay=0.5) == [2.5]
    assert of(Decoupled(), 3.0, start=-2.0, lr=0.1, weight_decay=0.5) == [2.9]
    assert of(Momentum(), 1.0, 1.0, momentum=0.5) == [1.0, 1.5]
    assert of(Momentum(True), 1.0, 1.0, momentum=0.5) == [1.5, 1.75]
    assert of(ClipWeights(), -9.0, start=1.0, clip_weights=2.0) == [-1.0]
    # s = 0.1 · 9 = 0.9, then 0.9 · 0.9 + 0.1 · 16 = 2.41
    expected = [3 / 1.9**0.5, 4 / 3.41**0.5]
    assert of(ByRms(), 3.0, 4.0, gamma=0.9, eps=1.0) == pytest.approx(expected)
    expected = [3 / (0.9**0.5 + 1), 4 / (2.41**0.5 + 1)]
    assert of(ByRms(False), 3.0, 4.0, gamma=0.9, eps=1.0) == pytest.approx(expected)
    # m = 0.3, s − m² = 0.81
    assert of(ByRms(centered=True), 3.0, gamma=0.9, eps=0.0) == pytest.approx([3 / 0.9])
    corrected = of(ByRms(corrected=True), 3.0, gamma=0.9, eps=0.0)
    assert corrected == pytest.approx([1.0])
    assert of(ByRms(start=1.0), 3.0, gamma=0.9, eps=0.0) == pytest.approx(
        [3 / 1.8**0.5]
    )
    assert of(ByRootOfSum(), 3.0, 4.0, eps=0.0) == pytest.approx([1.0, 0.8])
    # d = √0.01/√(0.9 + 0.01) · 3
    assert of(ByTwoRms(), 3.0, rho=0.9, eps=0.01) == pytest.approx([0.3 / 0.91**0.5])
    # Whatever β is, Adam's first step is g / (|g| + ε).
    more = {"beta1": 0.9, "beta2": 0.999, "eps": 1.0}
    assert of(ByMoments(), 3.0, **more) == pytest.approx([3 / 4])
    # And raw: √c₂/c₁ · m / (√v + ε) with c₁ = 0.1, c₂ = 0.001.
    raw = 0.001**0.5 / 0.1 * 0.3 / (0.009**0.5 + 1)
    assert of(ByMoments(True), 3.0, **more) == pytest.approx([raw])


def test_the_global_norm_is_that_of_all_tensors_together(oracle):
    params = [np.zeros(1), np.zeros(2)]
    grads = [np.array([2.0]), np.array([1.0, 2.0])]  # ‖g‖ = 3
    piece = ClipByGlobalNorm()
    clipped = piece.update(oracle, params, grads, [(), ()], {"clip": 1.5})
    assert [u.tolist() for u in clipped] == [[1.0], [0.5, 1.0]]
    kept = piece.update(oracle, params, grads, [(), ()], {"clip": 30.0})
    assert [u.tolist() for u in kept] == [[2.0], [1.0, 2.0]]


def test_a_chain_knows_what_it_reads():
    chain = Chain(CoupledL2(), ByRms(), Momentum(), ByLr())
    assert list(chain.rule.hyperparams) == [
        "weight_decay",
        "gamma",
        "eps",
        "momentum",
        "lr",
    ]
