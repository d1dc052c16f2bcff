"""`d2l.optimizer` as an optax transformation: trees of parameters, states, wrappers.

What optax's own tests ask of every optimizer is asked of every rule here.
"""

import dataclasses
import pickle
from functools import partial

import numpy as np
import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import InputError
from d2lopt.rules import RULES, pieces
from d2lopt.rules.pieces import Chain

CHAIN = Chain(
    pieces.ClipByGlobalNorm(),
    pieces.CoupledL2(),
    pieces.ByRms(eps_inside=False, centered=True),
    pieces.Momentum(nesterov=True),
    pieces.ByLr(),
)
NUMBERS = {name: dict(rule.hyperparams) for name, rule in RULES.items()} | {
    "chain": {
        "lr": 0.01,
        "gamma": 0.9,
        "eps": 1e-3,
        "momentum": 0.5,
        "weight_decay": 0.1,
        "clip": 0.5,
    },
    "a learner's": {"lr": 0.1},
}


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


@pytest.fixture(params=NUMBERS)
def name(request):
    return request.param


@pytest.fixture
def opt(d2l, optax, name):
    """Each rule of the library, a chain, and a learner's rule, as a transformation."""

    def slower(params, grads, states, hyperparams):
        for p, g, (b, steps) in zip(params, grads, states, strict=True):
            d2l.assign(b, 0.9 * b + g)
            d2l.assign(steps, steps + 1.0)
            d2l.assign(p, p - hyperparams["lr"] * b / d2l.sqrt(steps))

    def start(d2l, params):
        zeros = [d2l.zeros_like(p) for p in params]
        return [(d2l.variable(z), d2l.variable(d2l.sum(z))) for z in zeros]

    if name == "a learner's":
        return d2l.optimizer(slower, start, **NUMBERS[name])
    rule = CHAIN if name == "chain" else getattr(d2l, name)
    return d2l.optimizer(rule, **NUMBERS[name])


@pytest.fixture
def params(jax):
    w = jax.numpy.arange(6.0, dtype="float32").reshape(2, 3) / 3
    return {"w": w, "b": {"c": jax.numpy.ones(2), "none": None}}


@pytest.fixture
def grads(jax, params):
    return jax.tree.map(lambda p: 0.3 * jax.numpy.cos(p), params)


def assert_same(jax, found, expected, rtol=1e-6):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-7)
        assert np.result_type(a) == np.result_type(b)


def stepped(optax, opt, params, grads, state=None):
    """Parameters and state after a step."""
    state = opt.init(params) if state is None else state
    updates, state = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), state


def thrice(optax, opt, params, grads):
    state = opt.init(params)
    for _ in range(3):
        params, state = stepped(optax, opt, params, grads, state)
    return params, state


# -------------------------------------------------------- what JAX makes of functions


def test_it_is_traced_once(jax, opt, params, grads):
    traces = []

    @jax.jit
    def update(grads, state, params):
        traces.append(1)
        return opt.update(grads, state, params)

    state = opt.init(params)
    for _ in range(3):
        _, state = update(grads, state, params)
    update(grads, jax.jit(opt.init)(params), params)
    assert len(traces) == 1


def test_in_a_loop_with_memory_that_is_given_away(jax, optax, opt, params, grads):
    expected = thrice(optax, opt, params, grads)

    def body(carry, _):
        return stepped(optax, opt, *carry[:1], grads, *carry[1:]), None

    found, _ = jax.lax.scan(body, (params, opt.init(params)), length=3)
    assert_same(jax, found, expected, 1e-5)

    step = jax.jit(partial(stepped, optax, opt), donate_argnums=(0, 2))
    mine = jax.tree.map(jax.numpy.array, params)  # as what is given away is gone
    state = opt.init(mine)
    for _ in range(3):
        mine, state = step(mine, grads, state)
    assert_same(jax, (mine, state), expected, 1e-5)


def test_many_at_once(jax, optax, opt, params, grads):
    twice = lambda tree: jax.tree.map(lambda x: jax.numpy.stack([x, 2 * x]), tree)
    step = partial(stepped, optax, opt)
    found, _ = jax.vmap(step)(twice(params), twice(grads))
    expected, _ = step(params, grads)
    assert_same(jax, jax.tree.map(lambda x: x[0], found), expected)
    found, _ = jax.pmap(step)(
        *(jax.tree.map(lambda x: x[None], t) for t in (params, grads))
    )
    assert_same(jax, jax.tree.map(lambda x: x[0], found), expected)


def test_shapes_alone(jax, opt, params):
    state = opt.init(params)
    shapes = jax.eval_shape(opt.init, params)
    assert_same(jax, opt.init(jax.eval_shape(lambda: params)), state)
    for x, y in zip(*map(jax.tree.leaves, (shapes, state)), strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)


def test_partition_specs_of_the_state(jax, optax, opt, params, grads):
    """As a guide of JAX has it: those of the parameters, and none for the rest."""
    mesh = jax.make_mesh((1,), ("x",))
    shard = lambda *spec: jax.sharding.NamedSharding(
        mesh, jax.sharding.PartitionSpec(*spec)
    )
    of_params = jax.tree.map(lambda p: shard(*["x"][: p.ndim]), params)
    state = opt.init(params)
    of_state = optax.tree_map_params(
        opt,
        lambda x, spec: spec,
        state,
        of_params,
        transform_non_params=lambda _: shard(),
    )
    assert jax.tree.structure(of_state) == jax.tree.structure(state)
    update = jax.jit(
        opt.update,
        in_shardings=(of_params, of_state, of_params),
        out_shardings=(of_params, of_state),
    )
    _, new = update(grads, state, params)
    _, new = update(grads, new, params)
    found = optax.tree_map_params(opt, lambda x, p: x.shape == p.shape, new, params)
    assert all(x is True for x in jax.tree.leaves(found) if isinstance(x, bool))
    assert_same(jax, optax.tree_map_params(opt, lambda x: x * 1, new), new)


# --------------------------------------------------------------------------- the trees


def test_any_tree_of_parameters(jax, optax, opt, params, grads):
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True)
    class Layer:
        w: object
        inner: object

    expected, _ = thrice(
        optax, opt, [params["w"], params["b"]["c"]], [grads["w"], grads["b"]["c"]]
    )
    for tree in (
        lambda t: Layer(t["w"], Layer(t["b"]["c"], ())),
        lambda t: (None, [t["w"]], {}, {"c": t["b"]["c"]}),
    ):
        found, state = thrice(optax, opt, tree(params), tree(grads))
        assert jax.tree.structure(found) == jax.tree.structure(tree(params))
        assert_same(jax, jax.tree.leaves(found), expected)
        optax.tree_map_params(opt, lambda x: x, state)


@pytest.mark.parametrize("empty", [{}, [], (), {"a": None}])
def test_no_parameters_at_all(jax, opt, empty):
    updates, state = jax.jit(opt.update)(empty, opt.init(empty), empty)
    assert updates == empty
    assert state.count == 1


def test_python_floats(jax, optax, opt, d2l):
    params, grads = {"a": 1.0, "b": 2.0}, {"a": 0.1, "b": -0.2}
    found, state = thrice(optax, opt, params, grads)
    expected, _ = thrice(
        optax, opt, *(jax.tree.map(d2l.tensor, t) for t in (params, grads))
    )
    assert_same(jax, found, expected)
    assert_same(jax, optax.tree_map_params(opt, lambda x: x, state), state)
    # No "weak" types, which are those of Python's numbers: they would be traced anew.
    leaves = jax.tree.leaves(opt.update(0.1, opt.init(1.0), 1.0))
    assert [x.weak_type for x in leaves] == [False] * len(leaves)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(jax, optax, opt, params, grads, dtype):
    half = lambda tree: jax.tree.map(lambda x: x.astype(dtype), tree)
    state = opt.init(half(params))
    for of_grads in (half(grads), grads):
        updates, new = jax.jit(opt.update)(of_grads, state, half(params))
        assert {x.dtype.name for x in jax.tree.leaves(updates)} == {dtype}
        assert all(
            np.isfinite(np.asarray(x, "f4")).all() for x in jax.tree.leaves(updates)
        )
        assert jax.tree.map(lambda x: x.dtype, new) == jax.tree.map(
            lambda x: x.dtype, state
        )


def test_a_state_that_was_on_the_host_or_in_a_file(jax, optax, opt, params, grads):
    _, before = thrice(optax, opt, params, grads)
    for taken in (jax.device_get, lambda s: pickle.loads(pickle.dumps(s))):
        back = taken(before)
        found = stepped(optax, opt, params, grads, back)
        assert_same(jax, found, stepped(optax, opt, params, grads, before))
        assert found[1].count.dtype == "int32"


def test_what_does_not_fit_is_refused(jax, optax, opt, name, params, grads):
    state = opt.init(params)
    refused = [
        ("the gradients are in another tree", {"w": grads["w"]}, state, params),
        ("the gradients are in another tree", list(grads.values()), state, params),
        (
            r"has shape \(3,\), and its parameter \(2, 3\)",
            {**grads, "w": grads["w"][0]},
            state,
            params,
        ),
        (
            "complex64, and its parameter float32",
            jax.tree.map(lambda g: g * 1j, grads),
            state,
            params,
        ),
        ("that of another optimizer", grads, optax.adam(0.1).init(params), params),
        ("reads params: update", grads, state, None),
        (
            "int32, and no step is a whole number",
            params,
            state,
            jax.tree.map(lambda p: p.astype(int), params),
        ),
    ]
    if name != "sgd":  # which keeps nothing
        other = jax.tree.map(lambda x: x[..., :1], params)
        refused += [
            ("that of other parameters", grads, opt.init(other), params),
            ("that of other parameters", grads, opt.init([params["w"]]), params),
        ]
    for message, g, s, p in refused:
        with pytest.raises(InputError, match=message):
            opt.update(g, s, p)
    with pytest.raises(InputError, match="int32, and no step is a whole number"):
        opt.init({"steps": 3})


def test_the_state_of_another_rule_is_refused(d2l, optax):
    p = d2l.ones(3)
    opt = d2l.optimizer(d2l.adam, **NUMBERS["adam"])
    of_rmsprop = d2l.optimizer(d2l.rmsprop, **NUMBERS["rmsprop"]).init(p)
    with pytest.raises(InputError, match="that of another optimizer"):
        opt.update(p, of_rmsprop, p)


def test_gradients_go_by_their_names(d2l, optax):
    """Not by their places: an ordered dict is another tree in another order."""
    from collections import OrderedDict

    opt = d2l.optimizer(d2l.sgd, lr=1.0)
    p = {"a": d2l.zeros(2), "b": d2l.zeros(2)}
    g = {"b": d2l.ones(2), "a": 2 * d2l.ones(2)}
    updates, _ = opt.update(g, opt.init(p), p)
    np.testing.assert_array_equal(updates["a"], [-2, -2])
    with pytest.raises(InputError, match="in another tree"):
        opt.update(OrderedDict(g), (), OrderedDict(p))


# -------------------------------------------------------------- inside other optimizers

WRAPPERS = {
    "extra arguments": lambda optax, opt: optax.chain(optax.clip(0.2), opt),
    "MultiSteps": lambda optax, opt: optax.MultiSteps(opt, 2),
    "apply_if_finite": lambda optax, opt: optax.apply_if_finite(opt, 2),
    "masked": lambda optax, opt: optax.masked(opt, {"w": True, "b": False}),
    "all masked": lambda optax, opt: optax.masked(opt, False),
    "multi_transform": lambda optax, opt: optax.multi_transform(
        {"one": opt, "other": opt}, {"w": "one", "b": {"c": "other", "none": None}}
    ),
    "conditionally": lambda optax, opt: optax.conditionally_mask(opt, lambda t: t > 0),
    "schedule_free": lambda optax, opt: optax.contrib.schedule_free(opt, 0.1),
    "mechanize": lambda optax, opt: optax.contrib.mechanize(opt),
}


@pytest.mark.parametrize("name", ["sgd", "adam", "chain", "a learner's"], indirect=True)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_inside_another(jax, optax, opt, params, grads, wrapper):
    """It trains step by step and in a traced program, and its state is found there."""
    outer = WRAPPERS[wrapper](optax, opt)
    expected, state = thrice(optax, outer, params, grads)
    traced = optax.GradientTransformationExtraArgs(
        jax.jit(outer.init), jax.jit(partial(outer.update, value=1.0))
    )
    assert_same(jax, thrice(optax, traced, params, grads), (expected, state), 1e-5)
    assert_same(jax, optax.tree_map_params(outer, lambda x: x, state), state)


def test_lookahead(jax, optax, opt, params, grads):
    outer = optax.lookahead(opt, 2, 0.5)
    both = optax.LookaheadParams.init_synced(params)
    found, _ = thrice(optax, outer, both, grads)
    assert jax.tree.structure(found.fast) == jax.tree.structure(params)
    assert (found.slow["w"] != params["w"]).any()


def test_extra_arguments_are_for_others(optax, opt, params, grads):
    assert isinstance(opt, optax.GradientTransformationExtraArgs)
    opt.update(grads, opt.init(params), params, value=1.0, grad=grads)
