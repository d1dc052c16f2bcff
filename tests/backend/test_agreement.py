"""Same seed, same numbers: every backend against NumPy in float64.

The final figures here are the project's promise to whoever carries an optimizer from
one framework to another.
"""

import numpy as np
import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions.table import find_row, nearest
from d2lopt.data import airfoil as data
from d2lopt.rules import optimizers as rules
from d2lopt.rules.forms import is_library_rule
from d2lopt.train import concise
from d2lopt.train import scratch as train

HYPERPARAMS = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}
ROUNDING = {"float32": 1e-6, "float64": 1e-12}
OPTIMUM = 0.241688  # of ½·MSE on the whitened airfoil rows


@pytest.fixture(scope="session", params=["airfoil", "stand-in"])
def source(request):
    if request.param == "airfoil":
        try:
            data.load("airfoil")
        except data.InputError:
            pytest.skip("the airfoil file is not here: set D2LOPT_DATA to its path")
    return request.param


def scratch(d2l, source, dtype, batch_size=10, seed=0, epochs=2, rule=None, **changed):
    data_iter, feature_dim = d2l.get_data_ch11(
        batch_size, seed=seed, source=source, dtype=dtype
    )
    return train.from_scratch(
        d2l,
        rule or d2l.rmsprop,
        lambda params: rules.zeros_for_each(d2l, params),
        HYPERPARAMS | changed,
        data_iter,
        feature_dim,
        epochs,
    )


def built_in(d2l, backend, source, dtype, batch_size=10, seed=0, **changed):
    data_iter, feature_dim = d2l.get_data_ch11(
        batch_size, seed=seed, source=source, dtype=dtype
    )
    native = nearest(backend, "rmsprop", HYPERPARAMS | changed)
    if native is None:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    row, settings = native
    return concise.built_in(d2l, *row.resolve(d2l, settings), data_iter, feature_dim)


@pytest.mark.parametrize("batch_size", [1, 10, 32, 1500])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_from_scratch_losses_agree_at_every_recorded_step(
    d2l, oracle, source, dtype, batch_size
):
    found = scratch(d2l, source, dtype, batch_size)
    exact = scratch(oracle, source, "float64", batch_size)
    steps = 2 * -(-1500 // batch_size)
    assert found.steps == exact.steps == [*range(0, steps, 20), steps]
    np.testing.assert_allclose(found.losses, exact.losses, rtol=ROUNDING[dtype])
    for a, b in zip(found.params, exact.params, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=10 * ROUNDING[dtype])


def test_an_eager_rule_agrees_with_the_compiled_one(d2l, source):
    def mine(params, grads, states, hyperparams):
        d2l.rmsprop(params, grads, states, hyperparams)

    assert not is_library_rule(mine)
    eager = scratch(d2l, source, "float32", 32, rule=mine)
    compiled = scratch(d2l, source, "float32", 32)
    np.testing.assert_allclose(eager.losses, compiled.losses, rtol=1e-6)


def test_the_same_seed_gives_the_same_losses_and_another_gives_others(d2l, source):
    first, again = (scratch(d2l, source, "float32", seed=4) for _ in range(2))
    assert first.losses == again.losses
    assert scratch(d2l, source, "float32", seed=5).losses != first.losses


def test_final_losses_lie_where_the_published_ones_lie(d2l, source):
    for seed in range(20):
        loss = scratch(d2l, source, "float32", seed=seed).losses[-1]
        assert 0.2417 < loss < 0.255


def test_many_full_batch_steps_reach_the_optimum(d2l, source):
    curve = scratch(d2l, source, "float64", 1500, epochs=1000, lr=0.001)
    assert curve.losses[-1] == pytest.approx(OPTIMUM, abs=2e-6)


# ----------------------------------------------------------------------------- built in


def eps_outside(d2l):
    """RMSProp as a framework computes it that has ε outside the root."""

    def rule(params, grads, states, hyperparams):
        gamma, eps = hyperparams["gamma"], hyperparams["eps"]
        for p, g, s in zip(params, grads, states, strict=True):
            d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
            d2l.assign(p, p - hyperparams["lr"] * g / (d2l.sqrt(s) + eps))

    return rule


@pytest.mark.parametrize("batch_size", [10, 32])
@pytest.mark.parametrize("eps", [1e-6, 1e-2])
def test_built_in_computes_what_its_row_of_the_table_says(
    d2l, oracle, backend, source, eps, batch_size
):
    """Our rule where ε is inside the root; else the same rule with ε outside."""
    found = built_in(d2l, backend, source, "float32", batch_size, eps=eps)
    inside = find_row(backend, "rmsprop").traits.eps_inside
    rules_of = {True: oracle.rmsprop, False: eps_outside(oracle)}
    curves = {
        place: scratch(oracle, source, "float64", batch_size, rule=rule, eps=eps)
        for place, rule in rules_of.items()
    }
    np.testing.assert_allclose(found.losses, curves[inside].losses, rtol=1e-6)
    # And the other formula is told apart, so that this test can fail.
    gap = np.abs(np.divide(curves[inside].losses, curves[not inside].losses) - 1).max()
    assert gap > 3e-6  # three times the tolerance


def test_built_in_and_scratch_start_alike(d2l, backend, source):
    scratched = scratch(d2l, source, "float32", seed=7)
    own = built_in(d2l, backend, source, "float32", seed=7)
    assert own.losses[0] == pytest.approx(scratched.losses[0], rel=1e-6)
    assert own.steps == scratched.steps
