"""The engine: what is trained, over which seeds, and how two settings compare."""

import math
from dataclasses import replace

import numpy as np
import pytest

from d2lopt.conventions.curves import (
    SeedCurves,
    change_on_the_way,
    farthest,
    final_change,
    of_the_spread,
)
from d2lopt.conventions.scenario import BuiltinFormula, LibraryRule, Runs
from d2lopt.conventions.table import find_row
from d2lopt.conventions.traits import Traits

SGD = BuiltinFormula("sgd", Traits(), {"lr": 0.1}, epochs=1)


def sgd_by_hand(oracle, seed, *, b=0.0, factor=1.0):
    """The last full-data ½·MSE of an epoch of SGD, with the gradients written out."""
    minibatches, d = oracle.get_data_ch11(
        50, seed=seed, source="stand-in", dtype="float64", quiet=True
    )
    rng = np.random.default_rng(seed)
    w = rng.normal(0.0, 0.01, (d, 1))
    for X, y, weight in zip(*minibatches.epoch(rng), strict=True):
        r = weight * (X @ w + b - y)
        w, b = w - 0.1 * factor * X.T @ r, b - 0.1 * factor * r.sum()
    return ((minibatches.X @ w + b - minibatches.y) ** 2).mean() / 2


@pytest.mark.parametrize("seed", [0, 3])
def test_a_scenario_is_trained_as_it_says(oracle, seed):
    bound = 1 / math.sqrt(5)
    uniform = np.random.default_rng([seed, 1]).uniform(-bound, bound)
    for scenario, by_hand in (
        (SGD, {}),
        (replace(SGD, random_bias=True), {"b": uniform}),
        (replace(SGD, loss_factor=2.0), {"factor": 2.0}),
        (LibraryRule("sgd", {"lr": 0.1}, 1), {}),
    ):
        losses = scenario.losses(seed, "stand-in", 50)
        expected = sgd_by_hand(oracle, seed, **by_hand)
        assert losses[-1] == pytest.approx(expected, rel=1e-12)


def test_each_scenario_is_trained_once_for_each_seed():
    told = []
    runs = Runs([4, 5], "stand-in", 500)
    other = replace(SGD, settings={"lr": 0.2})
    runs.train([SGD, other, replace(SGD)], lambda *done_of: told.append(done_of))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    first = runs.of(SGD)
    runs.train([other, SGD], lambda *done_of: told.append(done_of))
    assert len(told) == 4
    assert runs.of(replace(SGD)) is first
    assert first.curves == [SGD.losses(seed, "stand-in", 500) for seed in (4, 5)]


def test_what_diverges_is_inf_in_a_curve_and_none_in_a_statistic():
    runs = Runs([0, 1], "stand-in", 500)
    calm = runs.of(SGD)
    wild = runs.of(replace(SGD, settings={"lr": 1e200}))
    assert wild.finals == [math.inf, math.inf]
    assert wild.median is None
    assert wild.spread is None
    assert len(wild.band()) == len(wild.curves[0]) - 1
    for before, after in ((calm, wild), (wild, calm), (wild, wild)):
        assert final_change(before, after) is None
        assert change_on_the_way(before, after) is None
    assert farthest(wild.curves[0], wild.curves[0]) is None
    assert of_the_spread(None, calm.spread) is None
    assert of_the_spread(0.1, wild.spread) is None


def test_the_change_between_two_settings_is_the_median_over_the_seeds():
    before = SeedCurves([[1.0, 0.5], [1.0, 0.4], [1.0, 0.3]])
    after = SeedCurves([[1.0, 0.6], [2.0, 0.1], [1.5, math.inf]])
    # The changes are 0.1, −0.3 and, as a run diverged, inf.
    assert final_change(before, after) == pytest.approx(0.1)
    assert change_on_the_way(before, after) == pytest.approx(1.0)
    assert before.spread == pytest.approx(0.1)
    assert of_the_spread(-0.3, before.spread) == pytest.approx(3.0)
    assert before.band() == [(1.0, 1.0, 1.0), (0.3, 0.4, 0.5)]


def test_what_a_built_in_keeps_in_float32_is_rounded():
    settings = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    float32 = {name: float(np.float32(value)) for name, value in settings.items()}
    averages = find_row("mxnet", "adam").rounded(settings)
    assert averages["beta1"] == float32["beta1"] != 0.9
    assert averages["beta1_correction"] == 0.9
    corrections = find_row("tensorflow", "adam").rounded(settings)
    assert corrections["beta1"] == 0.9
    assert corrections["beta1_correction"] == float32["beta1"]
    assert corrections["lr"] == float32["lr"]
    assert find_row("torch", "sgd").rounded({"lr": 0.01}) == {"lr": 0.01}
