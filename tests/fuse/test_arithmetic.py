"""A rule that writes its arithmetic in every way, in every way that a rule can run.

Its arguments may then be tracers, symbols, cells or numbers inside a graph. What it
gives as it is written, with NumPy in float64, is what each is held against.
"""

import functools

import numpy as np
import perceptron
import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.rules.rule import Rule
from d2lopt.train.batches import Minibatches
from d2lopt.train.many import run_many
from d2lopt.train.scratch import from_scratch

NUMBERS = {"lr": 0.05, "gamma": 0.9}


def arithmetic(d2l, params, grads, states, h):
    """RMSProp without a root, with each operator on whatever a rule can be given."""
    lr, gamma = h["lr"], h["gamma"]
    for p, g, (s, t) in zip(params, grads, states, strict=True):
        # Numbers among themselves, and with literals on either side.
        past = 2 - (1 - gamma) - 1 + (gamma**2 - gamma * gamma) + -gamma - -(+gamma)
        rate = -(-1 * lr) + (2 - lr) - (2.0 - abs(-lr)) + (lr - 1) + 1 - lr
        rate = rate + 1 / (1 / lr) - lr**2 / lr + lr * 2 - 2 * lr + lr / 2 - 0.5 * +lr
        # A state of shape (), with numbers and with tensors.
        d2l.assign(t, 1 + +t)
        first = (1 / t) ** 2 + (t - 1) * 0.5 - (2 - t) / 2 + 0.5 - (-t + 1) + lr * t
        # Tensors, with numbers and tensors on either side.
        d2l.assign(s, past * s + (1 - gamma) * +(g**2))
        u = -lr * g + g * -lr - -g * lr + -(rate * g) / (1 + s) - g / (1 - -s) * lr
        u = u + lr**2 * (s - 1) / (3 - lr) - (1 - s) * lr**2 + abs(g) * 0.1 * lr**2
        u = u + ((1.5 + 0 * s) ** lr - 1.5**lr) + (2 ** (0.01 * g) - 1) * lr / (lr + 2)
        d2l.assign(p, p + u / (1 + first) + (g * t - t * g) * first)


def init_states(d2l, params):
    return [
        (d2l.variable(d2l.zeros_like(p)), d2l.variable(d2l.sum(d2l.zeros_like(p))))
        for p in params
    ]


RULE = Rule(arithmetic, init_states, NUMBERS)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    return rng.normal(size=(40, 3)).astype("f4"), rng.normal(size=40).astype("f4")


def losses(d2l, data, numbers=NUMBERS):
    """Of a run from scratch, with the rule as a learner's function."""
    states = init_states(d2l, [d2l.zeros((3, 1)), d2l.zeros(1)])
    batches = Minibatches(d2l, *data, 10)
    rule = functools.partial(arithmetic, d2l)
    return from_scratch(d2l, rule, states, numbers, batches, 3, num_epochs=10).losses


def test_as_it_is_written(d2l, oracle, data):
    expected = losses(oracle, data)
    assert expected[-1] < expected[0] - 5e-3
    np.testing.assert_allclose(losses(d2l, data), expected, rtol=1e-5)


def test_compiled_on_request(d2l, oracle):
    rng = np.random.default_rng(6)
    start, grads = rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2))

    def folded(d2l, compile):
        params = [d2l.variable(d2l.tensor(start))]
        states = init_states(d2l, params)

        def step(state, batch):
            arithmetic(d2l, state[0], batch, *state[1:])

        state = params, states, dict(NUMBERS)
        d2l.fold(step, state, [d2l.tensor(grads)], compile=compile)
        return [d2l.numpy(x) for x in (*params, *states[0])]

    expected = folded(oracle, False)
    assert np.abs(expected[0] - start).min() > 1e-3
    perceptron.assert_close(folded(d2l, True), expected)


def test_as_a_native_optimizer(d2l, backend):
    if backend not in perceptron.WAYS:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    rule = functools.partial(arithmetic, d2l)
    training = perceptron.WAYS[backend](d2l, rule, init_states=init_states, **NUMBERS)
    for _ in range(3):
        training.epoch()
    expected = perceptron.by_hand(d2l, RULE, NUMBERS, 3)
    assert np.abs(expected[0] - perceptron.START[0]).max() > 1e-2
    perceptron.assert_close(training.weights(), expected)


@pytest.mark.filterwarnings("error:the rule is not compiled")
def test_as_one_loop(d2l, oracle):
    def trained(d2l, step):
        rng = np.random.default_rng(6)
        params = [d2l.variable(d2l.tensor(rng.normal(size=(7, 11))))]
        states = init_states(d2l, params)
        for _ in range(3):
            step(params, [d2l.tensor(rng.normal(size=(7, 11)))], states, NUMBERS)
        return [d2l.numpy(x) for x in (*params, *states[0])]

    learner_s = lambda d2l: functools.partial(arithmetic, d2l)
    expected = trained(oracle, learner_s(oracle))
    for rule in (RULE, arithmetic_of(d2l)):
        found = trained(d2l, d2l.compiled(rule))
        perceptron.assert_close(found, expected)


def arithmetic_of(d2l):
    """The rule as a learner writes it, with d2l from outside."""

    def mine(params, grads, states, hyperparams):
        arithmetic(d2l, params, grads, states, hyperparams)

    return mine


@pytest.mark.parametrize("varied", [("lr",), ("gamma",), ("lr", "gamma")])
def test_many_at_once(d2l, oracle, data, varied):
    other = {"lr": 0.02, "gamma": 0.5}
    grid = [NUMBERS, {**NUMBERS, **{name: other[name] for name in varied}}]
    batches = Minibatches(d2l, *data, 10)
    outcomes = run_many(d2l, RULE, grid, varied, batches, num_epochs=10)
    for outcome, numbers in zip(outcomes, grid, strict=True):
        expected = losses(oracle, data, numbers)
        np.testing.assert_allclose(outcome.losses, expected, rtol=1e-5)


def deciding(d2l, state, g):
    """A step that goes another way where momentum is 0, and at the second step."""
    (p, t), h = state
    d2l.assign(t, t + 1)
    u = g + p if h["momentum"] else g
    u = 3 * u if t == 2 else u
    d2l.assign(p, p - u)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("way", ["compile=True", "compiled"])
def test_a_decision_by_a_number_is_right_or_refused(d2l, oracle, way, momentum):
    """Python takes what stands in for a number for true, and for equal to none."""
    h, g = {"momentum": momentum}, np.ones((3, 5))

    def by_fold(d2l, p, t, compile):
        step = lambda state, batch: deciding(d2l, state, batch[0])
        d2l.fold(step, ((p, t), h), [d2l.tensor(g)], compile=compile)

    def by_compiled(d2l, p, t):
        rule = lambda params, grads, states, h: deciding(
            d2l, ((params[0], states[0]), h), grads[0]
        )
        step = d2l.compiled(rule)
        for row in g:
            step([p], [d2l.tensor(row)], [t], h)

    def result(d2l, train):
        p, t = d2l.variable(d2l.ones(5)), d2l.variable(d2l.zeros(()))
        train(d2l, p, t)
        return d2l.numpy(p)

    train = {"compile=True": functools.partial(by_fold, compile=True)}.get(
        way, by_compiled
    )
    try:
        found = result(d2l, train)
    except Exception:  # of the compiler, which follows one branch only
        return
    expected = result(oracle, functools.partial(by_fold, compile=False))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
