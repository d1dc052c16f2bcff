"""`d2l.optimizer`: a portable rule where each framework has its own optimizers.

Each framework trains a small network by its own means (`perceptron.py`); what comes
out is held against the rule, run by hand on the same numbers.
"""

import functools

import numpy as np
import pytest
from perceptron import (
    BATCHES,
    CHAIN,
    CHAIN_NUMBERS,
    PAIRS,
    RMSPROP,
    START,
    WAYS,
    assert_close,
    assert_same,
    by_hand,
    halving,
    rule_and_numbers,
)

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import InputError
from d2lopt.rules import RULES, as_rule, find, native, pieces
from d2lopt.rules.checks import leaves
from d2lopt.rules.pieces import Chain
from d2lopt.train import from_scratch

ANY_RULE = pytest.mark.parametrize("name", ["rmsprop", "chain"])


@pytest.fixture
def way(d2l, backend):
    """The framework's way to train: way(rule, **hyperparams) → a training."""
    if backend not in WAYS:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    return functools.partial(WAYS[backend], d2l)


def mine(d2l):
    """A learner's rule, heavy-ball momentum, and how its states start."""

    def heavy_ball(params, grads, states, hyperparams):
        for p, g, (b, steps) in zip(params, grads, states, strict=True):
            d2l.assign(b, 0.9 * b + g)
            d2l.assign(steps, steps + 1.0)
            d2l.assign(p, p - hyperparams["lr"] * b / d2l.sqrt(steps))

    def init_states(d2l, params):
        one = [d2l.sum(d2l.zeros_like(p)) for p in params]
        return [
            (d2l.variable(d2l.zeros_like(p)), d2l.variable(n))
            for p, n in zip(params, one, strict=True)
        ]

    return heavy_ball, init_states


# ----------------------------------------------------------------------------- training


@ANY_RULE
def test_it_computes_what_the_rule_computes(d2l, way, name):
    rule, hyperparams = rule_and_numbers(d2l, name)
    training = way(rule, **hyperparams)
    assert_same(training.weights(), START)
    for _ in range(3):
        training.epoch()
    assert_close(training.weights(), by_hand(d2l, rule, hyperparams, 3))


def test_eps_may_be_left_out_for_rmsprop(d2l, way):
    training = way(d2l.rmsprop, lr=0.01, gamma=0.9)
    training.epoch()
    assert_close(training.weights(), by_hand(d2l, d2l.rmsprop, RMSPROP, 1))


def test_a_rule_of_your_own_with_states_of_its_own(d2l, way):
    rule, init_states = mine(d2l)
    training = way(rule, init_states=init_states, lr=0.05)
    training.epoch()
    portable = as_rule(rule, init_states)
    assert_close(training.weights(), by_hand(d2l, portable, {"lr": 0.05}, 1))


def test_a_rate_may_be_given_to_what_has_none(d2l, way):
    given = {**RULES["adadelta"].hyperparams, "lr": 0.5}
    training = way(d2l.adadelta, **given)
    training.epoch()
    assert_close(training.weights(), by_hand(d2l, d2l.adadelta, given, 1))

    without = {"gamma": 0.9, "eps": 1e-3}
    training = way(Chain(pieces.ByRms()), lr=0.05, **without)
    training.epoch()
    rated = Chain(pieces.ByRms(), pieces.ByLr())
    expected = by_hand(d2l, rated, {**without, "lr": 0.05}, 1)
    assert_close(training.weights(), expected)


@pytest.mark.parametrize("place", ["hyperparams", "states"])
def test_what_a_rule_of_yours_counts_counts_or_is_refused(d2l, way, place):
    """As in the book's Adam: not all frameworks keep such a number."""

    def counting(params, grads, states, hyperparams):
        if place == "hyperparams":
            hyperparams["t"] = hyperparams.get("t", 0) + 1
        else:
            states[0][0] += 1
        t = hyperparams["t"] if place == "hyperparams" else states[0][0]
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] / t * g)

    def init_states(d2l, params):
        return [[0] for _ in params]

    def trained():
        training = way(counting, init_states=init_states, lr=0.1)
        training.epoch()
        return training.weights()

    def sgd(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * g)

    try:
        weights = trained()
    except InputError as error:
        told = str(error)
        assert "the rule changes" in told or "make it a d2l.variable" in told
        return
    expected = by_hand(d2l, sgd, {"lr": 0.1}, 1, lambda t: 0.1 / (t + 1))
    assert_close(weights, expected)


def started_at(value, usual):
    """What starts the states of a rule at `value` instead of where it would."""

    def init_states(d2l, params):
        states = usual(d2l, params)
        for x in leaves(states):
            d2l.assign(x, x + value)
        return states

    return init_states


@ANY_RULE
def test_states_of_the_callers_own_are_where_it_starts(d2l, way, name):
    rule, hyperparams = rule_and_numbers(d2l, name)
    init_states = started_at(0.5, as_rule(rule).init_states)
    training = way(rule, init_states=init_states, **hyperparams)
    training.epoch()
    portable = as_rule(rule)._replace(init_states=init_states)
    assert_close(training.weights(), by_hand(d2l, portable, hyperparams, 1))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_starts_where_the_caller_says(d2l, name):
    """The states of every rule, and one too few, which a sentence refuses."""
    rule = RULES[name]
    params = [d2l.variable(d2l.tensor([[1.0, -2.0]])), d2l.variable(d2l.tensor([3.0]))]
    expected = started_at(0.5, rule.init_states)(d2l, params)
    portable = native.rule_of(
        d2l, getattr(d2l, name), started_at(0.5, rule.init_states)
    )
    found = native.start(d2l, portable, params)
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_array_equal(d2l.numpy(x), d2l.numpy(y))
    if leaves(expected):
        lacking = native.rule_of(d2l, getattr(d2l, name), lambda d2l, params: [(), ()])
        with pytest.raises(InputError, match=r"states\[0\] has 0 variables; the rule"):
            native.start(d2l, lacking, params)


@pytest.mark.parametrize("schedule", [False, True])
@ANY_RULE
def test_a_checkpoint_resumes_at_the_same_numbers(d2l, way, name, schedule, tmp_path):
    rule, hyperparams = rule_and_numbers(d2l, name)
    through = way(rule, schedule=schedule, **hyperparams)
    through.epoch()
    through.save(tmp_path)
    through.epoch()
    through.epoch()

    resumed = way(rule, schedule=schedule, **hyperparams)
    resumed.load(tmp_path)
    resumed.epoch()
    resumed.epoch()
    assert_same(resumed.weights(), through.weights())
    # And the states matter, so that this test can fail.
    forgetful = way(rule, schedule=schedule, **hyperparams)
    forgetful.epoch()
    forgetful.epoch()
    assert np.abs(forgetful.weights()[0] - through.weights()[0]).max() > 1e-4


@ANY_RULE
def test_the_rate_is_read_and_set_in_mid_training(d2l, way, name):
    rule, hyperparams = rule_and_numbers(d2l, name)
    training = way(rule, settable=True, **hyperparams)
    assert training.rate() == pytest.approx(0.01)
    training.epoch()
    training.set_rate(0.002)
    assert training.rate() == pytest.approx(0.002)
    training.epoch()
    rate = lambda t: 0.01 if t < BATCHES else 0.002
    assert_close(training.weights(), by_hand(d2l, rule, hyperparams, 2, rate))


@ANY_RULE
def test_the_framework_s_own_schedule(d2l, way, name):
    rule, hyperparams = rule_and_numbers(d2l, name)
    training = way(rule, schedule=True, **hyperparams)
    training.epoch()
    training.epoch()
    expected = by_hand(d2l, rule, hyperparams, 2, halving)
    assert_close(training.weights(), expected)


SCHEDULE_IS_SET = {
    "tensorflow": (TypeError, "not settable"),
    "mxnet": (UserWarning, "has already been defined"),
    "paddle": (RuntimeError, "conflict"),
}


def test_a_rate_by_hand_beside_a_schedule_is_refused(d2l, way, backend):
    """PyTorch's schedules change what is set; optax has no rate to set beside one."""
    if backend not in SCHEDULE_IS_SET:
        pytest.skip("a rate by hand and a schedule do not exclude each other here")
    error, message = SCHEDULE_IS_SET[backend]
    with pytest.raises(error, match=message):
        way(d2l.rmsprop, schedule=True, gamma=0.9).set_rate(0.1)


# ---------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("rmsprop", {"lr": None}, "lr must be a number from 0 upwards; got None"),
        ("rmsprop", {"lr": "fast"}, "lr must be a number .* got 'fast'"),
        ("rmsprop", {"gamma": 1.5}, "gamma must be a number from 0 to 1; got 1.5"),
        ("rmsprop", {"gama": 0.5}, "of rmsprop 'gama'. Did you mean 'gamma'"),
        ("rmsprop", {"gamma": ...}, "rmsprop needs gamma; got"),
        ("chain", {"momentum": -1}, "momentum must be a number from 0 to 1; got -1"),
        ("chain", {"clip": 0}, "clip must be a number above 0; got 0"),
        ("chain", {"weight_decay": None}, "weight_decay must be a number from 0 up"),
        ("chain", {"beta1": 0.5}, "of the chain 'beta1'"),
        ("chain", {"eps": ..., "clip": ...}, "the chain needs clip, eps; got"),
    ],
)
def test_bad_hyperparameters_are_named(d2l, way, name, changed, message):
    rule, hyperparams = rule_and_numbers(d2l, name)
    given = {n: v for n, v in (hyperparams | changed).items() if v is not ...}
    with pytest.raises(InputError, match=message):
        way(rule, **given)


def test_what_is_no_rule_is_an_error(d2l, way):
    with pytest.raises(InputError, match="must be a function or a pieces.Chain"):
        way("rmsprop", **RMSPROP)
    with pytest.raises(InputError, match="takes 2 arguments; a rule takes"):
        way(lambda params, grads: None, lr=0.1)
    rule, _ = mine(d2l)
    with pytest.raises(InputError, match="lr must be a number"):
        way(rule, lr=None)
    with pytest.raises(InputError, match="one, a variable or a tuple of them, for eac"):
        way(rule, init_states=lambda d2l, params: [], lr=0.1).epoch()
    with pytest.raises(InputError, match="are given by name"):
        way(rule, init_states={"lr": 0.1})
    with pytest.raises(InputError, match=r"a function \(d2l, params\), which gives"):
        way(rule, init_states=[0.0], lr=0.1)


def test_numpy_has_none(oracle):
    with pytest.raises(InputError, match="no optimizer of its own"):
        oracle.optimizer(oracle.rmsprop, **RMSPROP)


# ---------------------------------------------------------------- in the book's harness


@ANY_RULE
def test_train_concise_gives_the_losses_from_scratch(d2l, way, name):
    rule, hyperparams = rule_and_numbers(d2l, name)
    data_iter, feature_dim = d2l.get_data_ch11(10, source="stand-in")
    made = d2l.optimizer(rule, **hyperparams)
    first, again = (
        d2l.train_concise_ch11(made, {}, data_iter, num_epochs=1)[1] for _ in range(2)
    )
    assert first == again
    start = functools.partial(native.rule_of(d2l, rule).init_states, d2l)
    scratch = from_scratch(d2l, rule, start, hyperparams, data_iter, feature_dim, 1)
    np.testing.assert_allclose(first, scratch.losses, rtol=1e-6)


def test_one_that_is_made_takes_no_hyperparameters(d2l, way):
    data_iter, _ = d2l.get_data_ch11(10, source="stand-in")
    made = d2l.optimizer(d2l.rmsprop, **RMSPROP)
    if isinstance(made, type):  # it is not: a class takes some at each call
        d2l.train_concise_ch11(made, {"gamma": 0.5}, data_iter, num_epochs=1)
        with pytest.raises(InputError, match="Did you mean 'gamma'"):
            d2l.train_concise_ch11(made, {"gama": 0.5}, data_iter)
        return
    with pytest.raises(InputError, match="made already"):
        d2l.train_concise_ch11(made, {"gamma": 0.5}, data_iter)


# ------------------------------------------------------ what one framework alone can do


def only(backend, name):
    if backend != name:
        pytest.skip(f"what {FRAMEWORKS[name].title} alone can do")


def test_keras_cannot_save_a_function_of_yours_and_says_so(d2l, way, backend, tmp_path):
    only(backend, "tensorflow")
    training = way(mine(d2l)[0], init_states=mine(d2l)[1], lr=0.1)
    with pytest.raises(InputError, match="save the weights alone, or write it as"):
        training.save(tmp_path)
    training.model.save_weights(tmp_path / "all.weights.h5")


def test_keras_model_without_an_input_layer(d2l, backend):
    """Its variables are made in the first step, and have no value before."""
    only(backend, "tensorflow")
    import tensorflow as tf

    X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    numbers = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}
    found = []
    for made in (
        d2l.optimizer(d2l.rmsprop, **numbers),
        tf.keras.optimizers.RMSprop(0.01, rho=0.9, epsilon=1e-6),
    ):
        tf.keras.utils.set_random_seed(1)
        dense = tf.keras.layers.Dense
        model = tf.keras.Sequential([dense(3), dense(1)])
        model.compile(optimizer=made, loss="mse")
        model.fit(X, X.sum(1), epochs=3, batch_size=8, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_keras_gradients_of_an_embedding_are_made_dense(d2l, backend):
    only(backend, "tensorflow")
    import tensorflow as tf

    halved = Chain(pieces.Times(0.5), pieces.ByRms(start=1.0), pieces.ByLr())
    opt = d2l.optimizer(halved, **RMSPROP)
    table = tf.Variable(tf.ones((4, 2)))

    @tf.function
    def step():  # a first step inside a tf.function, on a variable of TensorFlow
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.nn.embedding_lookup(table, [1, 1]))
        opt.apply_gradients([(tape.gradient(loss, table), table)])

    step()
    step()
    assert (table.numpy()[[0, 2, 3]] == 1).all()
    by_rule, grad = tf.Variable(tf.ones((4, 2))), tf.one_hot([1], 4, axis=0) * 2.0
    states = halved.init_states(d2l, [by_rule])
    for _ in range(2):
        halved(d2l, [by_rule], [grad + tf.zeros((4, 2))], states, RMSPROP)
    np.testing.assert_allclose(table.numpy(), by_rule.numpy(), rtol=1e-6)


def test_mxnet_cannot_save_a_local_function_and_says_so(d2l, way, backend, tmp_path):
    only(backend, "mxnet")
    training = way(mine(d2l)[0], init_states=mine(d2l)[1], lr=0.1)
    training.epoch()
    with pytest.raises(InputError, match="at the top of a module"):
        training.save(tmp_path)


@pytest.mark.parametrize("at_once", [True, False])
def test_mxnet_on_several_devices(d2l, backend, at_once):
    only(backend, "mxnet")
    from mxnet import autograd, cpu, gluon

    devices = [cpu(0), cpu(1)]
    net = gluon.nn.Dense(1, in_units=4)
    net.initialize(ctx=devices)
    made = d2l.optimizer(CHAIN, **CHAIN_NUMBERS)
    on_store = False if at_once else None
    trainer = gluon.Trainer(net.collect_params(), made, update_on_kvstore=on_store)
    before = net.weight.data(devices[0]).asnumpy()
    with autograd.record():
        losses = [net(d2l.tensor(PAIRS[0][0]).as_in_ctx(d)).sum() for d in devices]
    for loss in losses:
        loss.backward()
    if at_once:
        trainer.step(8)
        first, second = (net.weight.data(d).asnumpy() for d in devices)
        np.testing.assert_array_equal(first, second)
        assert (first != before).all()
    else:  # one parameter after the other, which is another global norm
        with pytest.raises(InputError, match="update_on_kvstore=False"):
            trainer.step(8)


def test_jax_needs_the_parameters(d2l, backend):
    only(backend, "jax")
    opt = d2l.optimizer(d2l.rmsprop, **RMSPROP)
    state = opt.init([d2l.ones(2)])
    with pytest.raises(InputError, match=r"update\(grads, state, params\)"):
        opt.update([d2l.ones(2)], state)


def test_paddle_groups_have_numbers_of_their_own(d2l, backend):
    only(backend, "paddle")
    import paddle

    nets = [paddle.nn.Linear(3, 1, bias_attr=False) for _ in range(2)]
    opt = d2l.optimizer(CHAIN, **CHAIN_NUMBERS)(
        parameters=[
            {"params": nets[0].parameters()},
            {
                "params": nets[1].parameters(),
                "learning_rate": 0.5,
                "weight_decay": 0.2,
                "momentum": 0.0,
            },
        ],
    )
    own = {"lr": 0.005, "weight_decay": 0.2, "momentum": 0.0}
    start = d2l.reshape(d2l.arange(3), (3, 1))
    for net in nets:
        d2l.assign(net.weight, start)
        net(d2l.ones((1, 3))).backward()
    opt.step()
    # The norm is over both groups, √2 times that of one.
    clip = {"clip": CHAIN_NUMBERS["clip"] / 2**0.5}
    for net, changed in zip(nets, ({}, own), strict=True):
        by_rule = d2l.variable(start)
        states = CHAIN.init_states(d2l, [by_rule])
        numbers = CHAIN_NUMBERS | changed | clip
        CHAIN(d2l, [by_rule], [d2l.ones((3, 1))], states, numbers)
        assert_close([d2l.numpy(net.weight)], [d2l.numpy(by_rule)])


def test_paddle_refuses_states_of_another_rule(d2l, way, backend):
    only(backend, "paddle")
    training, other = way(CHAIN, **CHAIN_NUMBERS), way(d2l.rmsprop, **RMSPROP)
    training.epoch()
    with pytest.raises(InputError, match="of another rule or another net"):
        other.opt.set_state_dict(training.opt.state_dict())


# ---------------------------------------------------------------------- a rule as JSON


def test_a_rule_as_json_comes_back():
    every = Chain(
        pieces.ClipByNorm(),
        pieces.ByRms(eps_inside=False, start=1.0),
        pieces.Times(0.5),
        pieces.ByLr(),
    )
    for rule in (every.rule, find("rmsprop")):
        assert native.from_json(native.as_json(rule)).step == rule.step


def test_a_piece_of_your_own_is_not_written_nor_read():
    class Half(pieces.Piece):
        pass

    with pytest.raises(InputError, match="write it as a pieces.Chain"):
        native.as_json(Chain(Half()).rule)
    for name in ("Half", "Piece", "Chain", "dataclass"):
        with pytest.raises(InputError, match=f"unknown piece '{name}'"):
            native.from_json([[name, {}]])
