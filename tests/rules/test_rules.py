"""Every optimizer from scratch: its equations, and the same numbers everywhere."""

import inspect
import math

import numpy as np
import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions.table import nearest
from d2lopt.conventions.traits import hyperparams as as_hyperparams
from d2lopt.rules import optimizers as rules
from d2lopt.rules.checks import check
from d2lopt.rules.optimizers import RULES
from d2lopt.rules.pieces import (
    ByLr,
    ByMoments,
    ByRms,
    ByRootOfSum,
    ByTwoRms,
    Chain,
    Decoupled,
    Momentum,
)
from d2lopt.train import concise
from d2lopt.train import scratch as train

# The same optimizer in pieces, which conformance holds against every framework.
IN_PIECES = {
    "sgd": Chain(ByLr()),
    "momentum": Chain(Momentum(), ByLr()),
    "nesterov": Chain(Momentum(nesterov=True), ByLr()),
    "adagrad": Chain(ByRootOfSum(), ByLr()),
    "rmsprop": Chain(ByRms(), ByLr()),
    "adadelta": Chain(ByTwoRms()),
    "adam": Chain(ByMoments(), ByLr()),
    "adamw": Chain(ByMoments(), ByLr(), Decoupled()),
}


def run(d2l, rule, states, hyperparams, dtype, compile=None, batch_size=32):
    data_iter, feature_dim = d2l.get_data_ch11(
        batch_size, source="stand-in", dtype=dtype, quiet=True
    )
    return train.from_scratch(
        d2l,
        rule,
        lambda params: states(d2l, params),
        hyperparams,
        data_iter,
        feature_dim,
        compile=compile,
    )


def run_rule(d2l, name, dtype, compile=None, batch_size=32):
    rule = RULES[name]
    bound = getattr(d2l, name)
    states, numbers = rule.init_states, rule.hyperparams
    return run(d2l, bound, states, numbers, dtype, compile, batch_size)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_gives_the_same_numbers_everywhere(d2l, oracle, name):
    exact = run_rule(oracle, name, "float64").losses
    for dtype, rounding in (("float32", 1e-6), ("float64", 1e-12)):
        found = run_rule(d2l, name, dtype)
        np.testing.assert_allclose(found.losses, exact, rtol=rounding)
    assert exact[-1] < 0.9 * exact[0]


@pytest.mark.parametrize("name", ["adam", "yogi"])
def test_a_rule_runs_step_by_step_too(d2l, oracle, name):
    exact = run_rule(oracle, name, "float64").losses
    eager = run_rule(d2l, name, "float32", compile=False)
    np.testing.assert_allclose(eager.losses, exact, rtol=1e-6)


@pytest.mark.parametrize("name", IN_PIECES)
def test_a_rule_is_the_chain_of_its_pieces(oracle, name):
    chain = IN_PIECES[name]
    in_pieces = run(
        oracle, chain, chain.init_states, RULES[name].hyperparams, "float64"
    )
    found = run_rule(oracle, name, "float64")
    np.testing.assert_allclose(found.losses, in_pieces.losses, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_the_built_in_is_the_rule_under_its_convention(d2l, oracle, backend, name):
    numbers = dict(RULES[name].hyperparams)
    native = nearest(backend, name, numbers)
    if native is None:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no {name} of its own")
    row, settings = native
    data_iter, feature_dim = d2l.get_data_ch11(10, source="stand-in", quiet=True)
    found = concise.built_in(d2l, *row.resolve(d2l, settings), data_iter, feature_dim)
    chain = row.chain({**settings, "start": 0.0})
    exact = run(
        oracle, chain, chain.init_states, as_hyperparams(settings), "float64", None, 10
    )
    # Adam's β is rounded by some: that is worth a few more digits.
    np.testing.assert_allclose(found.losses, exact.losses, rtol=1e-5)
    if "beta1" not in numbers:
        np.testing.assert_allclose(found.losses, exact.losses, rtol=2e-6)


# ------------------------------------------------------------------ against the papers


def walk(oracle, name, gradients, start=1.0, **hyperparams):
    """Where one parameter is after each gradient."""
    p = np.array([start])
    states = RULES[name].init_states(oracle, [p])
    path = []
    for g in gradients:
        grads = [np.array([float(g)])]
        RULES[name].step(oracle, [p], grads, states, hyperparams)
        path.append(float(p[0]))
    return path


def test_equations(oracle):
    assert walk(oracle, "sgd", [2, -1], lr=0.1) == pytest.approx([0.8, 0.9])
    more = {"lr": 0.1, "momentum": 0.5}
    assert walk(oracle, "momentum", [2, 2], **more) == pytest.approx([0.8, 0.5])
    assert walk(oracle, "nesterov", [2, 2], **more) == pytest.approx([0.7, 0.35])
    found = walk(oracle, "adagrad", [3, 4], lr=0.1, eps=0.0)
    assert found == pytest.approx([0.9, 0.82])
    found = walk(oracle, "rmsprop", [3], lr=0.1, gamma=0.9, eps=0.1)
    assert found == pytest.approx([1 - 0.3])
    found = walk(oracle, "adadelta", [3], rho=0.9, eps=0.1)
    assert found == pytest.approx([1 - math.sqrt(0.1) / 1.0 * 3])


@pytest.mark.parametrize("name", ["adam", "adamw", "yogi"])
def test_adam_and_its_kin_step_by_step_with_a_step_count(oracle, name):
    """The papers' own form, with βᵗ; the step count moves, and ε stays in its place."""
    lr, beta1, beta2, eps, decay = 0.1, 0.9, 0.999, 1e-3, 0.01
    gradients = [0.5, -2.0, 0.01, 0.0, 3.0, 1.0]
    p, v, s, path = 1.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        if name == "adamw":
            p -= lr * decay * p
        v = beta1 * v + (1 - beta1) * g
        if name == "yogi":
            s += (1 - beta2) * np.sign(g * g - s) * g * g
        else:
            s = beta2 * s + (1 - beta2) * g * g
        v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
        p -= lr * v_hat / (math.sqrt(s_hat) + eps)
        path.append(p)
    hyperparams = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    hyperparams |= {"weight_decay": decay} if name == "adamw" else {}
    found = walk(oracle, name, gradients, **hyperparams)
    assert found == pytest.approx(path, rel=1e-12)


def test_a_parameter_without_a_gradient_stays(oracle):
    """ε is not added to the parameter, as it is in a published version of Adam."""
    for name, rule in RULES.items():
        if name != "adamw":
            assert walk(oracle, name, [0, 0], **rule.hyperparams) == [1.0, 1.0]


# ----------------------------------------------------------------------- as a text


def test_each_rule_is_about_a_dozen_lines_with_its_equations():
    for name, rule in RULES.items():
        source = inspect.getsource(rule.step)
        body = source.split('"""')[-1].strip().splitlines()
        code = [
            line for line in body if line.strip() and not line.strip().startswith("#")
        ]
        assert len(code) <= 12, name
        assert "# p ← " in source, name
        assert rule.step.__doc__, name


def test_eps_may_be_left_out_of_every_rule(oracle):
    for name, rule in RULES.items():
        numbers = {n: v for n, v in rule.hyperparams.items() if n != "eps"}
        assert walk(oracle, name, [1.0], **numbers)[0] < 1.0
        assert check(rule.step, numbers) is None
    assert rules.find("adam") is RULES["adam"]
