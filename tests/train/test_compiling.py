"""Compiled loops: the same numbers as step by step, and each compiled only once."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from d2lopt.backend.tools import compile_clock
from d2lopt.conventions.table import nearest
from d2lopt.errors import InputError
from d2lopt.rules import optimizers as rules
from d2lopt.rules.pieces import ByLr, Chain, Momentum, Piece
from d2lopt.train import concise
from d2lopt.train import scratch as train

COMPILES = {"torch": [True], "tensorflow": [None, True], "mxnet": [None, True]}
COMPILES |= {"jax": [None, True]}

TRUE = pytest.param(True, marks=pytest.mark.slow)  # PyTorch's compiler takes a minute
IN_EACH_WAY = pytest.mark.parametrize("compile", [None, TRUE])


def run(d2l, name, compile, lr=None, seed=0, num_epochs=2, batch_size=50, **changed):
    rule = rules.RULES[name]
    numbers = {**rule.hyperparams, **changed}
    if lr is not None:
        numbers["lr"] = lr
    return train.from_scratch(
        d2l,
        getattr(d2l, name),
        None,
        numbers,
        *d2l.get_data_ch11(batch_size, seed=seed, source="stand-in", quiet=True),
        num_epochs,
        compile=compile,
    )


@pytest.mark.parametrize("name", ["rmsprop", "adam"])
@IN_EACH_WAY
def test_a_compiled_loop_takes_the_same_steps(d2l, name, compile):
    eager = run(d2l, name, False)
    compiled = run(d2l, name, compile)
    assert compiled.steps == eager.steps
    np.testing.assert_allclose(compiled.losses, eager.losses, rtol=1e-6)


@IN_EACH_WAY
def test_a_program_is_made_once(d2l, compile):
    """Other numbers, another seed, more epochs of the same shapes: the same program."""
    run(d2l, "rmsprop", compile)
    made = compile_clock.times
    first = run(d2l, "rmsprop", compile, lr=0.02)
    run(d2l, "rmsprop", compile, lr=0.03, gamma=0.8, seed=1)
    run(d2l, "rmsprop", compile)
    assert compile_clock.times == made
    assert first.seconds_compiling == 0
    assert first.losses != run(d2l, "rmsprop", compile, lr=0.03).losses


@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_a_built_in_optimizer_is_compiled_once(d2l, name):
    """And the program that is kept starts anew each time."""
    native = nearest(d2l.name, name, {"lr": 0.01})
    if native is None:
        pytest.skip(f"{d2l.name} has no optimizer of its own")
    own = native[0].resolve(d2l, native[1])

    def run(seed):
        data = d2l.get_data_ch11(50, seed=seed, source="stand-in", quiet=True)
        return concise.built_in(d2l, *own, *data)

    first = run(seed=0)
    made = compile_clock.times
    assert run(seed=1).losses != first.losses
    again = run(seed=0)
    assert compile_clock.times == made
    assert again.losses == first.losses
    for p, known in zip(again.params, first.params, strict=True):
        np.testing.assert_array_equal(p, known)


def test_an_optimizer_that_is_made_is_compiled_once(d2l):
    if nearest(d2l.name, "sgd", {}) is None:
        pytest.skip(f"{d2l.name} has no optimizer of its own")
    made = d2l.optimizer(d2l.rmsprop, lr=0.01, gamma=0.9)
    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    first = concise.built_in(d2l, made, {}, *data)
    compiled = compile_clock.times
    assert concise.built_in(d2l, made, {}, *data).losses == first.losses
    assert compile_clock.times == compiled


def test_an_optimizer_of_yours_is_asked_each_time(d2l):
    """What it makes may differ from call to call."""
    native = nearest(d2l.name, "sgd", {"lr": 0.01})
    if native is None:
        pytest.skip(f"{d2l.name} has no optimizer of its own")
    if d2l.name == "mxnet":
        pytest.skip("MXNet takes a name or an optimizer, no function")
    rates = iter([0.01, 0.1])

    def mine(*params, **settings):
        trainer_fn, hyperparams = native[0].resolve(d2l, {"lr": next(rates)})
        return trainer_fn(*params, **settings, **hyperparams)

    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    slow, fast = (concise.built_in(d2l, mine, {}, *data) for _ in range(2))
    assert fast.losses[1] < slow.losses[1]


@IN_EACH_WAY
def test_what_is_compiled_takes_time_by_the_clock(d2l, compile):
    if compile not in COMPILES.get(d2l.name, []):
        pytest.skip(f"{d2l.name} takes the steps as they come")
    before = compile_clock.times
    curve = run(d2l, "yogi", compile)
    assert compile_clock.times > before
    assert curve.seconds_compiling > 0


@pytest.mark.parametrize("compile", [None, TRUE])
def test_a_run_that_diverges_does_not_count_compiling_as_running(d2l, compile):
    """It has looked at the loss five times before, in the first of its chunks."""
    if compile not in COMPILES.get(d2l.name, []):
        pytest.skip(f"{d2l.name} takes the steps as they come")
    before, start = compile_clock.times, time.perf_counter()
    curve = run(d2l, "sgd", compile, lr=1.2, batch_size=60, num_epochs=20)
    seconds = time.perf_counter() - start
    assert compile_clock.times > before
    assert curve.diverged
    assert len(curve.times) > 4
    assert curve.times == sorted(curve.times)
    assert curve.times[-1] + curve.seconds_compiling < seconds


@pytest.mark.slow
def test_all_that_pytorch_compiles_is_by_the_clock(d2l):
    """Another dtype, another number of rows in the state, another hyperparameter."""
    if d2l.name != "torch":
        pytest.skip("what PyTorch's compiler tells of its work")
    import torch

    def step(state, batch):
        params, hyperparams, data = state
        (g,) = batch
        for p in params:
            d2l.assign(p, p - hyperparams["lr"] * g - hyperparams.get("shift", 0.0))
        return d2l.mean(data) + params[0][0]

    def seconds(dtype, rows, rows_of_batch=3, **numbers):
        """Those by the clock, and the least that the compiler has worked."""
        spans.clear()
        before = compile_clock.seconds
        state = (
            [d2l.zeros(rows_of_batch, dtype=dtype)],
            numbers,
            d2l.ones(rows, dtype=dtype),
        )
        d2l.fold(step, state, [d2l.ones((4, rows_of_batch), dtype=dtype)], compile=True)
        worked = sum(spans[1::2]) - sum(spans[::2])
        return compile_clock.seconds - before, worked

    spans = []
    callbacks = torch._dynamo.callback.callback_handler
    note = lambda _: spans.append(time.perf_counter())
    callbacks.register_start_callback(note)
    callbacks.register_end_callback(note)
    kinds = [
        (("float32", 5), {"lr": 0.1}),
        (("float64", 5), {"lr": 0.1}),
        (("float32", 6), {"lr": 0.1}),
        (("float32", 5), {"lr": 0.1, "shift": 0.5}),
        (("float32", 5, 2), {"lr": 0.1}),
    ]
    try:
        limit = torch._dynamo.config.recompile_limit
        for kind, numbers in kinds:
            clock, worked = seconds(*kind, **numbers)
            assert clock >= worked > 0
        for kind, numbers in kinds:
            assert seconds(*kind, **dict.fromkeys(numbers, 0.3)) == (0, 0)
        assert torch._dynamo.config.recompile_limit == limit  # the caller's own
    finally:
        callbacks.remove_start_callback(note)
        callbacks.remove_end_callback(note)


@pytest.mark.slow
def test_what_a_rule_of_yours_counts_in_its_hyperparameters_is_kept(d2l):
    """From one compiled piece of the run to the next, of which the last is short."""
    if d2l.name != "torch":
        pytest.skip("a loop that is traced once knows no counts but in its states")

    def counting(params, grads, states, hyperparams):
        hyperparams["t"] = hyperparams["t"] + 1
        for p in params:
            d2l.assign(p, 0.0 * p + 0.001 * hyperparams["t"])

    data = d2l.get_data_ch11(70, source="stand-in", quiet=True)
    for compile in (False, True):
        curve = train.from_scratch(
            d2l, counting, None, {"t": 0}, *data, 3, compile=compile
        )
        assert curve.num_steps % 20
        np.testing.assert_allclose(curve.params[1], 0.001 * curve.num_steps, rtol=1e-5)


@IN_EACH_WAY
def test_another_dtype_is_compiled_by_the_clock(d2l, compile):
    """And not while the epochs are timed."""
    if compile not in COMPILES.get(d2l.name, []):
        pytest.skip(f"{d2l.name} takes the steps as they come")

    def curve(dtype):
        data = d2l.get_data_ch11(50, source="stand-in", dtype=dtype, quiet=True)
        return train.from_scratch(
            d2l, d2l.sgd, None, {"lr": 0.1}, *data, compile=compile
        )

    curve("float32")
    assert curve("float64").seconds_compiling > 0
    assert curve("float32").seconds_compiling == 0


@pytest.mark.parametrize("compile", ["auto", TRUE])
def test_a_rule_of_yours_is_compiled_if_you_ask(d2l, compile):
    """It has no states here, which is one of the things that a state may be."""

    def mine(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * g)

    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    losses = [
        train.from_scratch(d2l, mine, None, {"lr": 0.1}, *data, compile=how).losses
        for how in (compile, False)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-6)


def test_a_rule_of_yours_is_called_at_every_step(d2l):
    calls = []

    def mine(params, grads, states, hyperparams):
        calls.append(len(params))
        rules.sgd(d2l, params, grads, states, hyperparams)

    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    curve = train.from_scratch(d2l, mine, None, {"lr": 0.1}, *data, 1)
    assert len(calls) == curve.num_steps == 30


@pytest.mark.slow
def test_a_chain_with_a_piece_of_yours_is_called_at_every_step(d2l):
    """As a rule of yours is; and with `compile`, it is compiled like any other."""
    calls = []

    @dataclass(frozen=True)
    class Halved(Piece):
        def one(self, d2l, p, u, state, h):
            calls.append(u)
            return 0.5 * u

    chain = Chain(Halved(), Momentum(), ByLr())
    numbers = {"lr": 0.1, "momentum": 0.5}
    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    curve = train.from_scratch(d2l, chain, None, numbers, *data, 1)
    assert len(calls) == 2 * curve.num_steps == 60  # w and b
    compiled = train.from_scratch(d2l, chain, None, numbers, *data, 1, compile=True)
    np.testing.assert_allclose(compiled.losses, curve.losses, rtol=1e-6)


# ------------------------------------------------- what a rule reads from outside of it

RATE = 0.01


def with_a_global(d2l):
    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - RATE * g)

    def change(value):
        global RATE
        RATE = value

    return rule, change


def with_a_closure(d2l):
    rate = 0.01

    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - rate * g)

    def change(value):
        nonlocal rate
        rate = value

    return rule, change


def with_an_attribute(d2l):
    """And without a hash, as objects that compare by their contents are."""

    @dataclass
    class Rule:
        rate: float = 0.01

        def __call__(self, params, grads, states, hyperparams):
            for p, g in zip(params, grads, strict=True):
                d2l.assign(p, p - self.rate * g)

    rule = Rule()
    assert Rule.__hash__ is None
    return rule, lambda value: setattr(rule, "rate", value)


def with_a_piece(d2l):
    """One whose fields cannot be compared by a hash."""

    @dataclass(frozen=True)
    class ByRates(Piece):
        rates: list[float]

        def one(self, d2l, p, u, state, h):
            return self.rates[0] * u

    piece = ByRates([0.01])
    return Chain(piece), lambda value: piece.rates.__setitem__(0, value)


@pytest.mark.parametrize("compile", ["auto", TRUE, None])
@pytest.mark.parametrize(
    "made", [with_a_global, with_a_closure, with_an_attribute, with_a_piece]
)
def test_what_a_rule_reads_from_outside_is_read_again(d2l, made, compile):
    """A number that a cell changes between two runs counts in the second of them."""

    def run(rule, **how):
        data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
        return train.from_scratch(d2l, rule, None, {}, *data, 1, **how).losses

    rule, change = made(d2l)
    try:
        slow = run(rule, compile=compile)
        programs = compile_clock.times
        assert run(rule, compile=compile) == slow
        assert compile_clock.times == programs
        change(0.1)
        fast = run(rule, compile=compile)
        np.testing.assert_allclose(fast, run(rule, compile=False), rtol=1e-6)
        assert fast[1] < 0.9 * slow[1]
    finally:
        change(0.01)


# ----------------------------------------------------------------- what is given made


def test_an_optimizer_whose_state_is_of_another_kind_trains(d2l):
    """A dict among the states, as optax's injected hyperparameters have it."""
    if d2l.name != "jax":
        pytest.skip("only optax has states of any kind")
    import optax

    made = optax.inject_hyperparams(optax.sgd)(learning_rate=0.01)
    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    losses = [concise.built_in(d2l, made, {}, *data).losses for _ in range(2)]
    assert losses[0] == losses[1]


def counting(d2l):
    """The book's way to count steps: a number among the hyperparameters."""

    def rule(params, grads, states, hyperparams):
        hyperparams["t"] = hyperparams.get("t", 0) + 1
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] / hyperparams["t"] * g)

    return rule


def counting_in_states(d2l):
    def rule(params, grads, states, hyperparams):
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            states[i] += 1
            d2l.assign(p, p - hyperparams["lr"] / states[i] * g)

    return rule


def or_refused(run):
    """What `run` gives; None if it refuses to compile a rule that counts."""
    try:
        return run()
    except InputError as error:
        told = str(error)
    assert "the rule changes" in told
    assert "keep it in a d2l.variable" in told
    return None


@pytest.mark.parametrize("compile", ["auto", TRUE])
@pytest.mark.parametrize("make", [counting, counting_in_states])
def test_a_compiled_loop_counts_or_refuses_to(d2l, make, compile):
    """A loop that is recorded once would go on with the number of its first step."""
    data = d2l.get_data_ch11(50, source="stand-in", quiet=True)
    rule = make(d2l)

    def losses(compile):
        start = None if make is counting else [0, 0]
        return train.from_scratch(
            d2l, rule, start, {"lr": 0.1}, *data, 1, compile=compile
        ).losses

    compiled = or_refused(lambda: losses(compile))
    if compiled is not None:
        np.testing.assert_allclose(compiled, losses(False), rtol=1e-6)
    assert losses(None) == losses(False)


@pytest.mark.parametrize("make", [counting, counting_in_states])
def test_a_compiled_step_counts_or_refuses_to(d2l, make):
    step = d2l.compiled(make(d2l))
    p, g = d2l.variable(d2l.tensor([1.0])), d2l.tensor([1.0])
    states, hyperparams = [0], {"lr": 0.1}

    def three():
        for _ in range(3):
            step([p], [g], states, hyperparams)
        return d2l.numpy(p)

    after = or_refused(three)
    if after is not None:
        np.testing.assert_allclose(after, [1 - 0.1 * (1 + 1 / 2 + 1 / 3)], rtol=1e-6)
