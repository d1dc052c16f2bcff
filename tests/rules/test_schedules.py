"""The learning-rate schedules: their formulas, and every harness follows them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.errors import InputError
from d2lopt.rules import optimizers as rules
from d2lopt.rules import schedules
from d2lopt.train import scratch as train


def test_formulas():
    assert [schedules.constant(0.3)(t) for t in (0, 9)] == [0.3, 0.3]
    halved = schedules.factor(1.0, by=0.5, every=2, least=0.2)
    assert [halved(t) for t in range(7)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.2]
    stepped = schedules.multi_factor(0.5, [15, 30], by=0.1)
    found = [stepped(t) for t in (0, 14, 15, 29, 30)]
    assert found == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])
    assert schedules.square_root(0.1)(3) == pytest.approx(0.05)
    curved = schedules.polynomial(1.0, 10, power=2, least=0.5)
    assert [curved(t) for t in (0, 5, 10, 99)] == [1.0, 0.625, 0.5, 0.5]
    waved = schedules.cosine(0.3, 20, least=0.01)
    assert waved(0) == pytest.approx(0.3)
    assert waved(10) == pytest.approx(0.155)
    assert waved(20) == waved(1000) == pytest.approx(0.01)
    warmed = schedules.warm_up(schedules.cosine(0.3, 20), 5)
    assert warmed(0) == 0.0
    assert warmed(4) == pytest.approx(0.24)
    assert warmed(5) == pytest.approx(0.3)
    assert warmed(15) == pytest.approx(0.15)


@given(st.floats(1e-6, 10), st.integers(1, 500), st.integers(0, 2000))
def test_the_falling_ones_stay_between_start_and_end(lr, steps, t):
    for schedule in (
        schedules.factor(lr, least=lr / 10),
        schedules.polynomial(lr, steps, least=lr / 10),
        schedules.cosine(lr, steps, least=lr / 10),
    ):
        assert lr / 10 * (1 - 1e-9) <= schedule(t) <= lr * (1 + 1e-9)
        assert schedule(t + 1) <= schedule(t) * (1 + 1e-9)


@pytest.mark.parametrize("steps", [0, -1, math.nan])
def test_no_steps_are_no_schedule(steps):
    with pytest.raises(InputError, match="a number of steps from 1 up"):
        schedules.cosine(0.1, steps)


EACH = {
    "factor": schedules.factor(0.3, 0.5, 7, 0.02),
    "multi-factor": schedules.multi_factor(0.3, [5, 10.5, 40], 0.1),
    "square root": schedules.square_root(0.3),
    "polynomial": schedules.polynomial(0.3, 30, 1.5, 0.02),
    "cosine": schedules.cosine(0.3, 30, 0.02),
    "warm-up": schedules.warm_up(schedules.cosine(0.3, 30, 0.02), 7, 0.1),
}
STEPS = [0, 1, 5, 6, 7, 8, 10, 11, 29, 30, 31, 37, 400]


@pytest.mark.parametrize("compile", [None, False])
@pytest.mark.parametrize("name", EACH)
def test_the_step_may_be_a_tensor(d2l, name, compile):
    """And the program that asks for the rate may be traced, where there are such."""
    rate = d2l.variable(d2l.zeros(1))

    def step(state, batch):
        d2l.assign(state[0], d2l.reshape(EACH[name](batch[0]), (1,)))
        return d2l.sum(state[0])

    rates = []
    batches = [d2l.tensor(np.array(STEPS)[:, None])]
    watch = lambda value: rates.append(float(d2l.numpy(value)))
    d2l.fold(step, [rate], batches, watch, compile=compile)
    expected = [EACH[name](t) for t in STEPS]
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-7)


def test_the_rate_of_a_whole_number_is_python_s_own():
    """Bit for bit what the functions of `math` give, as a float."""
    low, span = 0.02, 0.3 - 0.02
    cosine = lambda t: low + span * (1 + math.cos(math.pi * min(t, 30) / 30)) / 2
    formulas = {
        "factor": lambda t: max(low, 0.3 * 0.5 ** (t // 7)),
        "multi-factor": lambda t: 0.3 * 0.1 ** ((t >= 5) + (t >= 10.5) + (t >= 40)),
        "square root": lambda t: 0.3 / math.sqrt(t + 1),
        "polynomial": lambda t: low + span * max(0.0, 1 - t / 30) ** 1.5,
        "cosine": cosine,
        "warm-up": lambda t: 0.1 + (0.3 - 0.1) * t / 7 if t < 7 else cosine(t - 7),
    }
    for name, schedule in EACH.items():
        for t in (*range(60), 2920):
            assert schedule(t) == formulas[name](t), (name, t)
            assert type(schedule(t)) is float


def test_every_harness_follows_a_schedule(d2l, oracle):
    """Step by step and compiled, the numbers are NumPy's."""
    schedule = schedules.warm_up(schedules.cosine(0.05, 200), 20)

    def run(d2l, dtype, compile):
        data_iter, feature_dim = d2l.get_data_ch11(
            10, source="stand-in", dtype=dtype, quiet=True
        )
        return train.from_scratch(
            d2l,
            d2l.momentum,
            lambda params: rules.zeros_for_each(d2l, params),
            {"lr": schedule, "momentum": 0.5},
            data_iter,
            feature_dim,
            compile=compile,
        ).losses

    exact = run(oracle, "float64", False)
    for compile in (None, False):
        np.testing.assert_allclose(run(d2l, "float32", compile), exact, rtol=1e-6)
