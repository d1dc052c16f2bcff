"""`d2l.optimizer` as an optax transformation: the numbers that it gives.

optax adds what an update gives to the parameters, and computes it in its own ways: with
complex numbers, under `jax.jit`, with a schedule for any hyperparameter.
"""

import numpy as np
import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import InputError
from d2lopt.rules import RULES, adamw, as_rule, find, pieces, schedules
from d2lopt.rules.pieces import Chain

CHAIN = Chain(
    pieces.ClipByGlobalNorm(),
    pieces.CoupledL2(),
    pieces.ByRms(eps_inside=False, centered=True),
    pieces.Momentum(nesterov=True),
    pieces.ByLr(),
    pieces.Decoupled(),
)
NUMBERS = {name: dict(rule.hyperparams) for name, rule in RULES.items()}
NUMBERS["chain"] = {
    "lr": 0.01,
    "gamma": 0.9,
    "eps": 1e-3,
    "momentum": 0.5,
    "weight_decay": 0.1,
    "clip": 0.5,
}
each = pytest.mark.parametrize("name", NUMBERS)


@pytest.fixture
def optax(backend):
    if backend != "jax":
        pytest.skip(f"what {FRAMEWORKS['jax'].title} alone can do")
    import optax

    return optax


@pytest.fixture
def jax(optax):
    """With 64-bit types off, as a process begins: an earlier test may have asked."""
    import jax

    jax.config.update("jax_enable_x64", False)
    return jax


def rule_of(d2l, name):
    return CHAIN if name == "chain" else getattr(d2l, name)


def made(d2l, name, **changed):
    return d2l.optimizer(rule_of(d2l, name), **NUMBERS[name] | changed)


def trained(optax, opt, params, grads):
    """The parameters after a step with each of the gradients."""
    state = opt.init(params)
    for g in grads:
        updates, state = opt.update(g, state, params)
        params = optax.apply_updates(params, updates)
    return params


def gradients(shape=(3,), steps=4, seed=5):
    return np.random.default_rng(seed).normal(size=(steps, *shape)).astype("f4")


# -------------------------------------------------------------------- the update itself


@each
def test_a_small_step_of_a_large_parameter_is_not_rounded(d2l, optax, oracle, name):
    """In float32, 1000 − 1e-7 is 1000: the update is no difference of parameters."""
    small = {"lr": 1e-4} if "lr" in NUMBERS[name] else {"eps": 1e-12}
    zero = {n: 0.0 for n in ("weight_decay",) if n in NUMBERS[name]}
    numbers = NUMBERS[name] | small | zero
    opt = d2l.optimizer(rule_of(d2l, name), **numbers)
    p, g = d2l.ones(3) * 1000, 1e-3 * gradients()[0]
    update, _ = opt.update(g, opt.init(p), p)

    exact = [oracle.variable(oracle.zeros(3, dtype="float64"))]
    rule = CHAIN.rule if name == "chain" else find(name)
    states = rule.init_states(oracle, exact)
    rule.step(oracle, exact, [g.astype("f8")], states, numbers)
    assert (exact[0] != 0).all()
    np.testing.assert_allclose(update, exact[0], rtol=1e-5)


def in_two_steps(d2l):
    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * g)
            d2l.assign(p, p + (-hyperparams["lr"]) * g)

    return rule


def in_one_expression(d2l):
    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * g - hyperparams["lr"] * g)

    return rule


def in_the_book_s_form(d2l):
    def rule(params, states, hyperparams):
        for p in params:
            p[:] -= 2 * hyperparams["lr"] * p.grad

    return rule


def that_returns(d2l):
    def rule(params, states, hyperparams):
        return [p - 2 * hyperparams["lr"] * p.grad for p in params]

    return rule


@pytest.mark.parametrize(
    "learners", [in_two_steps, in_one_expression, in_the_book_s_form, that_returns]
)
def test_nor_is_that_of_a_learner_s_rule(d2l, optax, learners):
    opt = d2l.optimizer(learners(d2l), lr=1e-5)
    p, g = d2l.ones(3) * 1000, d2l.tensor(gradients()[0])
    update, _ = opt.update(g, opt.init(p), p)
    np.testing.assert_allclose(update, -2e-5 * gradients()[0], rtol=1e-6)


def test_what_is_no_step_is_the_difference(d2l, optax):
    """p ← 0.5 p has no step of its own; what is behind it is not lost."""

    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            before = p[:]
            d2l.assign(p, 0.5 * p)
            d2l.assign(p, p - hyperparams["lr"] * g)
            d2l.assign(p, d2l.maximum((p - 0.0).reshape((3,)), before * 0.0))

    opt = d2l.optimizer(rule, lr=1.0)
    p, g = d2l.tensor([4.0, -4.0, 0.0]), d2l.tensor([1e-3, 0.0, 0.0])
    update, _ = opt.update(g, opt.init(p), p)
    np.testing.assert_allclose(p + update, [2.0 - 1e-3, 0.0, 0.0], rtol=1e-6)


# ---------------------------------------------------------------------- complex numbers

OPTAX = {
    "sgd": lambda optax, h: optax.sgd(h["lr"]),
    "momentum": lambda optax, h: optax.sgd(h["lr"], momentum=h["momentum"]),
    "nesterov": lambda optax, h: optax.sgd(
        h["lr"], momentum=h["momentum"], nesterov=True
    ),
    "adagrad": lambda optax, h: optax.adagrad(h["lr"], 0.0, h["eps"]),
    "rmsprop": lambda optax, h: optax.rmsprop(h["lr"], h["gamma"], h["eps"]),
    "adadelta": lambda optax, h: optax.adadelta(1.0, h["rho"], h["eps"]),
    "adam": lambda optax, h: optax.adam(h["lr"], h["beta1"], h["beta2"], h["eps"]),
    "adamw": lambda optax, h: optax.adamw(
        h["lr"], h["beta1"], h["beta2"], h["eps"], weight_decay=h["weight_decay"]
    ),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "float32") for name in OPTAX),
        *((name, "complex64") for name in OPTAX if name != "adadelta"),  # not optax's
    ],
)
def test_the_numbers_are_those_of_optax_s_own(d2l, optax, name, dtype):
    """|g|² stands for g², as in optax."""
    theirs = OPTAX[name](optax, NUMBERS[name])
    grads, start = gradients(), gradients()[0]
    if dtype == "complex64":
        grads, start = grads + 1j * gradients(seed=6), start - 2j
    found, expected = (
        trained(optax, opt, start, grads) for opt in (made(d2l, name), theirs)
    )
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_complex_numbers_have_no_order_to_clip_by(d2l, optax):
    rule = Chain(pieces.ClipByValue(), pieces.ByLr())
    opt = d2l.optimizer(rule, lr=0.1, clip=0.5)
    p = gradients()[0] + 1j
    with pytest.raises(InputError, match="no order for ClipByValue.*split_real_and_im"):
        opt.init(p)
    opt = optax.contrib.split_real_and_imaginary(opt)
    update, _ = opt.update(p, opt.init(p), p)
    np.testing.assert_allclose(update.imag, np.full(3, -0.05), rtol=1e-6)


# ---------------------------------------------------------------------- hyperparameters

SCHEDULES = {
    "constant": schedules.constant(0.3),
    "factor": schedules.factor(0.3, 0.5, 3, 0.02),
    "multi_factor": schedules.multi_factor(0.3, [2, 5], 0.1),
    "square_root": schedules.square_root(0.3),
    "polynomial": schedules.polynomial(0.3, 7, 1.5, 0.02),
    "cosine": schedules.cosine(0.3, 7, 0.02),
    "warm_up": schedules.warm_up(schedules.cosine(0.3, 5, 0.02), 3, 0.1),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_followed_in_a_traced_program(d2l, optax, jax, name):
    schedule, grads = SCHEDULES[name], gradients(steps=10)
    numbers = {"lr": schedule, "momentum": schedule}
    opt = d2l.optimizer(d2l.momentum, **numbers)
    opt = optax.GradientTransformationExtraArgs(opt.init, jax.jit(opt.update))
    found = trained(optax, opt, d2l.zeros(3), grads)
    p, v = np.zeros((2, 3))
    for t, g in enumerate(grads):
        v = schedule(t) * v + g
        p = p - schedule(t) * v
    np.testing.assert_allclose(found, p, rtol=1e-5, atol=1e-6)
    # And by what optax itself does with schedules.
    injected = optax.inject_hyperparams(
        lambda lr, momentum: d2l.optimizer(d2l.momentum, lr=lr, momentum=momentum)
    )(**numbers)
    np.testing.assert_allclose(
        trained(optax, injected, d2l.zeros(3), grads), p, rtol=1e-5, atol=1e-6
    )


@each
def test_each_hyperparameter_may_be_a_schedule(d2l, optax, jax, name):
    scheduled = {
        n: schedules.factor(v, 0.9, 2, v / 10) for n, v in NUMBERS[name].items()
    }
    opt = made(d2l, name, **scheduled)
    update = jax.jit(opt.update)
    p = d2l.tensor(gradients()[0])
    state, by_hand = opt.init(p), d2l.variable(p)
    rule = CHAIN.rule if name == "chain" else find(name)
    states = rule.init_states(d2l, [by_hand])
    for t, g in enumerate(gradients()):
        updates, state = update(g, state, p)
        p = optax.apply_updates(p, updates)
        numbers = {n: schedule(t) for n, schedule in scheduled.items()}
        rule.step(d2l, [by_hand], [d2l.tensor(g)], states, numbers)
    np.testing.assert_allclose(p, d2l.numpy(by_hand), rtol=2e-4)  # 1 − 0.999 in float32


@each
def test_a_schedule_is_no_number_of_half_precision(d2l, optax, jax, name):
    """In bfloat16, 0.999 is 1."""
    scheduled = {n: (lambda t, v=v: v + 0 * t) for n, v in NUMBERS[name].items()}
    p, g = (jax.numpy.array(x, "bfloat16") for x in gradients(steps=2))
    found, expected = (
        trained(optax, made(d2l, name, **changed), p, [g] * 4)
        for changed in (scheduled, {})
    )
    np.testing.assert_allclose(found.astype("f4"), expected.astype("f4"), rtol=0.02)


def test_hyperparameters_that_are_no_numbers_are_named(d2l, optax, jax):
    jnp = jax.numpy
    for value, message in [
        (jnp.array([0.1, 0.2, 0.3]), r"lr must be a number; got .* shape \(3,\)"),
        (np.array([0.1, 0.2]), "lr must be a number from 0"),
        (jnp.array(-0.1), "lr must be a number from 0 upwards; got -0.1"),
        (jnp.array(jnp.nan), "lr must be a number from 0 upwards; got nan"),
    ]:
        with pytest.raises(InputError, match=message):
            d2l.optimizer(d2l.sgd, lr=value)
    opt = d2l.optimizer(d2l.sgd, lr=lambda t: jnp.ones(3))
    with pytest.raises(InputError, match="the schedule's lr must be a number; got"):
        opt.update(d2l.ones(3), opt.init(d2l.ones(3)), d2l.ones(3))
    for lr in (np.float32(0.5), np.array(0.5), jnp.array(0.5)):
        opt = d2l.optimizer(d2l.sgd, lr=lr)
        update, _ = opt.update(d2l.ones(3), opt.init(d2l.ones(3)), d2l.ones(3))
        np.testing.assert_array_equal(update, np.full(3, -0.5))


def test_a_learner_s_hyperparameters_come_as_they_are_given(d2l, optax, jax):
    def rule(params, grads, states, hyperparams):
        sign = 1 if hyperparams["maximize"] else -1
        for _ in range(hyperparams["times"]):
            for p, g in zip(params, grads, strict=True):
                d2l.assign(p, p + sign * hyperparams["lr"] * g)

    opt = d2l.optimizer(rule, lr=0.5, maximize=True, times=2)
    update, _ = jax.jit(opt.update)(d2l.ones(3), opt.init(d2l.ones(3)), d2l.ones(3))
    np.testing.assert_array_equal(update, np.ones(3))


# ------------------------------------------------------------------------- weight decay

DECAYING = {
    "adamw": adamw,
    "coupled": Chain(pieces.CoupledL2(), pieces.ByRms(), pieces.ByLr()),
    "absolute": Chain(pieces.CoupledL1(), pieces.ByLr()),
    "decoupled": Chain(pieces.ByRms(), pieces.ByLr(), pieces.Decoupled()),
}
MASKS = [
    {"w": True, "b": (False, False)},
    {"w": True, "b": False},
    lambda params: {"w": np.ndim(params["w"]) > 1, "b": np.False_},
]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", DECAYING)
def test_a_mask_says_what_decays(d2l, optax, jax, name, mask):
    rule = DECAYING[name]
    names = as_rule(rule).hyperparams
    numbers = {n: {"l1_decay": 0.1, "weight_decay": 0.1}.get(n, 0.5) for n in names}
    without = numbers | dict.fromkeys(names.keys() & {"l1_decay", "weight_decay"}, 0.0)
    params = {"w": d2l.ones((2, 3)), "b": (d2l.ones(3), -d2l.ones(3))}
    grads = [{"w": g, "b": (g[0], g[1])} for g in gradients((2, 3))]
    opt = d2l.optimizer(rule, mask=mask, **numbers)
    opt = optax.GradientTransformationExtraArgs(opt.init, jax.jit(opt.update))
    found = trained(optax, opt, params, grads)
    every = trained(optax, d2l.optimizer(rule, **numbers), params, grads)
    none = trained(optax, d2l.optimizer(rule, **without), params, grads)
    np.testing.assert_allclose(found["w"], every["w"], rtol=1e-6)
    for a, b, other in zip(found["b"], none["b"], every["b"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.abs(a - other).max() > 1e-3


def test_a_mask_leaves_the_global_norm_that_of_all(d2l, optax):
    rule = Chain(pieces.CoupledL2(), pieces.ClipByGlobalNorm(), pieces.ByLr())
    opt = d2l.optimizer(rule, mask=[True, False], weight_decay=1.0, clip=1.0, lr=1.0)
    params, grads = [d2l.ones(1), d2l.ones(1)], [2 * d2l.ones(1), 4 * d2l.ones(1)]
    updates, _ = opt.update(grads, opt.init(params), params)
    # (2 + 1·1, 4) has the norm 5
    np.testing.assert_allclose(np.ravel(updates), [-0.6, -0.8], rtol=1e-6)


def test_a_mask_that_says_nothing_is_refused(d2l, optax):
    with pytest.raises(InputError, match="the rule has none"):
        d2l.optimizer(d2l.sgd, mask=True, lr=0.1)
    with pytest.raises(InputError, match="in a function of yours, only you"):
        d2l.optimizer(in_two_steps(d2l), mask=True, lr=0.1)
    opt = made(d2l, "adamw", mask={"w": True})
    with pytest.raises(InputError, match="a tree of True and False like that of the"):
        opt.init({"w": d2l.ones(2), "b": d2l.ones(2)})
