"""`d2l.compiled`: a rule over large parameters gives the numbers that the rule gives.

The rule as it is written, on the same framework, is what each is held against.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import perceptron
import pytest

from d2lopt import rules
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.backend.tools import compile_clock
from d2lopt.fuse import fused as fuse
from d2lopt.fuse import loops
from d2lopt.rules import native, pieces
from d2lopt.rules.pieces import Chain

SHAPES = (300_001,), (17, 1001)
NUMBERS = {
    **{"lr": 0.01, "gamma": 0.9, "eps": 1e-3, "momentum": 0.5, "rho": 0.9},
    **{"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.1, "l1_decay": 0.01},
    **{"clip": 0.5, "clip_weights": 2.0},
}
CHAINS = {
    "by global norm": Chain(
        *(pieces.ClipByGlobalNorm(), pieces.CoupledL2()),
        *(pieces.ByRms(eps_inside=False, centered=True), pieces.Momentum(True)),
        pieces.ByLr(),
    ),
    "by norm": Chain(
        *(pieces.ClipByNorm(), pieces.CoupledL1(), pieces.ByMoments(raw=True)),
        *(pieces.ByLr(), pieces.Decoupled(), pieces.ClipWeights()),
    ),
    "by value": Chain(
        *(pieces.ClipByValue(), pieces.ByRootOfSum(start=0.1), pieces.ByTwoRms()),
        *(pieces.ByRms(corrected=True), pieces.Times(0.1)),
    ),
}
EVERY = {**rules.RULES, **{name: chain.rule for name, chain in CHAINS.items()}}
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def arrays(count, shapes=SHAPES, seed=0):
    """`count` lists of arrays of the shapes."""
    rng = np.random.default_rng(seed)
    return [[rng.normal(size=shape) for shape in shapes] for _ in range(count)]


def trained(d2l, rule, step, dtype="float32", steps=3, hyperparams=NUMBERS):
    """Params and states, all as NumPy arrays, after some steps with a new lr in each.

    `step` is called as a rule is, without its framework.
    """
    start, *grads = arrays(1 + steps)
    params = [d2l.variable(d2l.tensor(value, dtype)) for value in start]
    states = rule.init_states(d2l, params)
    for k, g in enumerate(grads):
        now = {n: v for n, v in hyperparams.items() if n in rule.hyperparams}
        now |= {"lr": 0.01 / (1 + k)} if "lr" in now else {}
        step(params, [d2l.tensor(value, dtype) for value in g], states, now)
    return [np.array(d2l.numpy(x)) for x in [*params, *leaves(states)]]


def leaves(states):
    if isinstance(states, list | tuple):
        return [leaf for inner in states for leaf in leaves(inner)]
    return [states]


def assert_close(found, expected, tolerance):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.filterwarnings("error:the rule is not compiled")
def test_the_numbers_of_the_rule(d2l, name, dtype):
    rule = EVERY[name]
    found = trained(d2l, rule, d2l.compiled(rule), dtype)
    expected = trained(d2l, rule, functools.partial(rule.step, d2l), dtype)
    assert_close(found, expected, TOLERANCE[dtype])


def test_a_rule_of_this_library_in_each_way_it_is_given(d2l):
    rule = rules.find("rmsprop")
    expected = trained(d2l, rule, d2l.compiled(rule))
    for given in (rules.rmsprop, d2l.rmsprop):
        assert_close(trained(d2l, rule, d2l.compiled(given)), expected, 0)


def counting(d2l, calls):
    """A learner's rule with a number and a decision in it; `calls` notes each call."""

    def mine(params, grads, states, hyperparams):
        calls.append(1)
        for p, g, s in zip(params, grads, states, strict=True):
            d2l.assign(s, hyperparams["gamma"] * s + d2l.abs(g) ** 2)
            d2l.assign(p, 0.999 * p - hyperparams["lr"] * d2l.exp(-d2l.sqrt(s)) * -g)

    return rules.as_rule(mine)


@pytest.mark.filterwarnings("error:the rule is not compiled")
def test_new_values_and_new_arrays_compile_nothing(d2l):
    calls = []
    rule = counting(d2l, calls)._replace(hyperparams={"lr": 0.0, "gamma": 0.0})
    step = d2l.compiled(rule.step.rule)
    loops_before = loops.compilations
    found = trained(d2l, rule, step, steps=1)
    seconds, loops_made = compile_clock.seconds, loops.compilations - loops_before
    assert seconds > 0
    for gamma in (0.3, 0.5, 0.75):
        now = {"lr": 0.1, "gamma": gamma}
        found = trained(d2l, rule, step, steps=2, hyperparams=now)
    assert compile_clock.seconds == seconds
    # Either the rule is read at each step, or it was traced once.
    assert (len(calls), loops.compilations - loops_before) in [(7, 1), (1, 0)]
    assert loops_made == loops.compilations - loops_before
    expected = trained(
        d2l, rule, functools.partial(rule.step, d2l), steps=2, hyperparams=now
    )
    assert_close(found, expected, 1e-6)


def test_every_holder_of_the_variable_sees_the_change(d2l):
    (start,) = arrays(1)
    params = [d2l.variable(d2l.tensor(value)) for value in start]
    holder = {"weights": params[0]}
    before = d2l.numpy(params[0]).copy()
    snapshot = d2l.numpy(d2l.reshape(params[0] * 1.0, (-1,)))
    grads = [d2l.ones(shape) for shape in SHAPES]
    d2l.compiled(rules.sgd)(params, grads, [(), ()], {"lr": 0.5})
    np.testing.assert_array_equal(
        d2l.numpy(holder["weights"]), before - np.float32(0.5)
    )
    np.testing.assert_array_equal(snapshot, before)


def test_what_others_hold_stays_as_it_is(d2l):
    """The tensors that a variable started from, gradients, and copies made between."""
    start, g = (d2l.tensor(value[0]) for value in arrays(2))
    numbers = [d2l.numpy(x).copy() for x in (start, g)]
    p = d2l.variable(start)
    step = d2l.compiled(rules.sgd)
    for _ in range(3):
        copy, now = d2l.variable(p), d2l.numpy(p).copy()
        step([p], [g], [()], {"lr": 0.5})
        np.testing.assert_array_equal(d2l.numpy(copy), now)
    for x, value in zip((start, g), numbers, strict=True):
        np.testing.assert_array_equal(d2l.numpy(x), value)


@pytest.mark.slow
def test_work_that_is_pending_ends_first(d2l):
    """Parameter and gradient come from products that may still be computed."""
    a = d2l.tensor(np.random.default_rng(3).normal(size=(1500, 1500)) / 40)
    results = []
    for step in (d2l.compiled(rules.sgd), functools.partial(rules.sgd, d2l)):
        q = d2l.variable(a)  # compiled before, as that takes long enough to hide it
        step([q], [a], [()], {"lr": 3.0})
        p, g = d2l.variable(a * 1.0), a
        for _ in range(4):
            g = d2l.matmul(a, g)
        read_before = d2l.matmul(p, a)
        step([p], [g], [()], {"lr": 3.0})
        read_after = d2l.matmul(p, a)
        results.append([d2l.numpy(x) for x in (p, read_before, read_after)])
    assert_close(*results, 1e-5)


TRANSPOSED = {"numpy": lambda x: x.T, "torch": lambda x: x.t()}
EVERY_SECOND = {"numpy": lambda x: x[:, ::2], "torch": lambda x: x[:, ::2]}


@pytest.mark.parametrize("view", [TRANSPOSED, EVERY_SECOND])
@pytest.mark.parametrize("gradient", ["alike", "contiguous"])
def test_arrays_in_another_order(d2l, backend, view, gradient):
    if backend not in view:
        pytest.skip("a view of a variable is a copy here, or no variable")
    results = []
    for step in (d2l.compiled(rules.rmsprop), functools.partial(rules.rmsprop, d2l)):
        whole, of_whole = (d2l.tensor(x[1]) for x in arrays(2))
        s = view[backend](d2l.variable(d2l.zeros_like(whole)))
        p, g = view[backend](whole), view[backend](of_whole)
        g = g if gradient == "alike" else d2l.tensor(d2l.numpy(g).copy("C"))
        step([p], [g], [s], {"lr": 0.1, "gamma": 0.9})
        results.append([d2l.numpy(whole), d2l.numpy(s)])
    assert_close(*results, 1e-6)


def test_one_variable_twice_is_changed_twice(d2l):
    """In the order of the rule: adamw lets all weights decay, and then takes steps."""
    results = []
    for step in (d2l.compiled(rules.adamw), functools.partial(rules.adamw, d2l)):
        p, g = d2l.variable(d2l.ones(1000)), d2l.ones(1000)
        states = rules.find("adamw").init_states(d2l, [p, p])
        step([p, p], [g, -0.5 * g], states, NUMBERS | {"lr": 0.5, "weight_decay": 1.0})
        results.append([d2l.numpy(p)])
    assert_close(*results, 1e-6)


def test_the_gradient_may_be_the_parameter(d2l):
    p = d2l.variable(d2l.ones(1000))
    d2l.compiled(rules.sgd)([p], [p * 1.0], [()], {"lr": 0.5})
    assert (d2l.numpy(p) == 0.5).all()


def torch_s_backward(x):
    x.requires_grad_()
    return (x * x).sum().backward


def paddle_s_backward(x):
    x.stop_gradient = False
    return (x * x).sum().backward


BACKWARD = {"torch": torch_s_backward, "paddle": paddle_s_backward}


def test_a_backward_pass_that_needs_the_old_value_says_so(d2l, backend):
    """It would take the new one, as the framework does not see the loop write."""
    if backend not in BACKWARD:
        pytest.skip("gradients come from a function, not from what was recorded")
    p, g = d2l.variable(d2l.ones(1000)), d2l.ones(1000)
    backward = BACKWARD[backend](p)
    d2l.compiled(rules.sgd)([p], [g], [()], {"lr": 0.5})
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        backward()


def test_a_rule_with_more_than_elements_is_not_wrong(d2l):
    """A matrix product: compiled where the framework can, else run as written."""

    def rotated(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * d2l.matmul(g, g))

    p, g = (d2l.tensor(x[0]) for x in arrays(2, [(50, 50)]))
    expected = d2l.variable(p)
    rotated([expected], [g], [()], {"lr": 0.1})
    found, step = d2l.variable(p), d2l.compiled(rotated)
    with np.testing.suppress_warnings() as noted:
        log = noted.record(UserWarning, "the rule is not compiled, as it calls")
        step([found], [g], [()], {"lr": 0.1})
    assert len(log) in (0, 1)
    assert_close([d2l.numpy(found)], [d2l.numpy(expected)], 1e-6)


def test_numpy_s_own_functions_are_not_mistaken_for_the_rule_s(d2l, backend):
    """np.sum of a tracer would be the tracer: such a rule runs as it is written."""
    if backend != "numpy":
        pytest.skip("NumPy's functions are this backend's alone")

    def centered(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * (g - np.sum(g)))

    p, g = d2l.variable(d2l.zeros(4)), d2l.tensor([1.0, 2.0, 3.0, 4.0])
    with pytest.warns(UserWarning, match="the rule is not compiled"):
        d2l.compiled(centered)([p], [g], [()], {"lr": 1.0})
    np.testing.assert_array_equal(p, [9.0, 8.0, 7.0, 6.0])


def test_a_missing_hyperparameter_is_the_rule_s_own_error(d2l):
    p, g = d2l.variable(d2l.ones(1000)), d2l.ones(1000)
    step = d2l.compiled(rules.sgd)
    with pytest.raises(KeyError, match="lr"):
        step([p], [g], [()], {})
    step([p], [g], [()], {"lr": 1.0})
    assert (d2l.numpy(p) == 0).all()


# --------------------------------------------------------- the framework's optimizers


@pytest.mark.parametrize("name", ["rmsprop", "chain"])
def test_the_native_optimizer_compiles_where_it_is_large(
    d2l, backend, name, monkeypatch
):
    if backend not in perceptron.WAYS:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    monkeypatch.setattr(fuse, "LARGE", 1)
    rule, numbers = perceptron.rule_and_numbers(d2l, name)
    seconds = compile_clock.seconds
    loops._loop.cache_clear()
    training = perceptron.WAYS[backend](d2l, rule, **numbers)
    for _ in range(3):
        training.epoch()
    if backend not in ("tensorflow", "jax"):  # these compile within a larger program
        assert compile_clock.seconds > seconds
    perceptron.assert_close(
        training.weights(), perceptron.by_hand(d2l, rule, numbers, 3)
    )


def test_a_learner_s_function_stays_as_it_is_written(d2l):
    calls = []
    rule = native.rule_of(d2l, lambda params, grads, states, h: calls.append(params))
    p = d2l.variable(d2l.zeros(fuse.LARGE))
    fuse.for_size(d2l, rule)([p], [d2l.zeros(fuse.LARGE)], [()], {})
    assert calls[0][0] is p


# ------------------------------------------------------------------ in child processes

MEMORY = """
import json, sys
import numpy as np
from d2lopt import backend, rules
def kilobytes(key):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(x for x in lines if x.startswith(key)).split()[1])
d2l = backend.load(sys.argv[1])
n = 30_000_000
params = [d2l.variable(d2l.ones(n))]
g, states = d2l.ones(n), rules.find("rmsprop").init_states(d2l, params)
step = d2l.compiled(rules.rmsprop)
numbers = {"lr": 0.1, "gamma": 0.9}
step(params, [g], states, numbers)
d2l.wait(*params, *states)
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before = kilobytes("VmRSS")
for _ in range(3):
    step(params, [g], states, numbers)
d2l.wait(*params, *states)
print(json.dumps((kilobytes("VmHWM") - before) * 1024 / (4 * n)))
"""

WITHOUT = """
import functools, sys, types
sys.modules["numba"] = None  # an import of it fails
import numpy as np
from d2lopt import backend, errors
from d2lopt.bench import floor
from d2lopt.fuse import loops
import test_large as here
d2l = backend.load(sys.argv[1])
for name, rule in here.EVERY.items():
    found = here.trained(d2l, rule, d2l.compiled(rule))
    expected = here.trained(d2l, rule, functools.partial(rule.step, d2l))
    here.assert_close(found, expected, 1e-6)
assert loops.numba() is None
try:
    floor.Floor(1000)
except errors.InputError as error:
    print(error)
"""


def child(code, *arguments):
    """The last line that a process prints; it can import what this file can."""
    here = Path(__file__).parent
    folders = [here.parents[1], here.parent, here]  # d2lopt, perceptron, test_large
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_step_needs_at_most_one_more_array(backend):
    assert json.loads(child(MEMORY, backend)) < 1.02


@pytest.mark.slow
@pytest.mark.processes
def test_without_numba_the_numbers_are_the_same(backend):
    assert (
        child(WITHOUT, backend) == "the floor needs Numba: pip install 'd2lopt[fast]'."
    )
