"""`d2l.optimizer` on Keras: exclusions, options and rates, as Keras' own take them."""

import numpy as np
import pytest
from keras_models import (
    ADAM,
    GIVEN,
    RMSPROP,
    assert_same_weights,
    fitted,
    own_rmsprop,
    step_only,
    tensorflow_of,
    train,
    variables,
)

from d2lopt.errors import InputError
from d2lopt.rules import pieces
from d2lopt.rules.pieces import Chain

COUPLED = Chain(pieces.ClipByGlobalNorm(), pieces.CoupledL2(), pieces.ByLr())
DECOUPLED = Chain(pieces.ClipByGlobalNorm(), pieces.ByLr(), pieces.Decoupled())
L1 = Chain(pieces.ClipByGlobalNorm(), pieces.CoupledL1(), pieces.ByLr())


@pytest.fixture
def tf(d2l, backend):
    return tensorflow_of(backend)


@pytest.fixture
def keras(tf):
    return tf.keras


# ------------------------------------------------------------- exclusions from decay


@pytest.mark.parametrize("by", ["name", "variable"])
@pytest.mark.parametrize(
    "rule", [COUPLED, DECOUPLED, L1], ids=["L2", "decoupled", "L1"]
)
def test_what_is_excluded_from_weight_decay_in_a_chain(d2l, tf, keras, rule, by):
    """The clipping before it still is over both: ‖(3, 4)‖ = 5, so u = (0.6, 0.8)."""
    kernel, bias = variables(keras, [2.0], [2.0])
    decay = {"l1_decay": 0.2} if rule is L1 else {"weight_decay": 0.1}
    opt = d2l.optimizer(rule, lr=0.5, clip=1.0, **decay)
    if by == "name":
        opt.exclude_from_weight_decay(var_names=["bias"])
    else:
        opt.exclude_from_weight_decay(var_list=[bias])
    opt.apply([tf.constant([3.0]), tf.constant([4.0])], [kernel, bias])
    np.testing.assert_allclose(kernel.numpy(), [2 - 0.5 * (0.6 + 0.2)], rtol=1e-6)
    np.testing.assert_allclose(bias.numpy(), [2 - 0.5 * 0.8], rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("decayed", ["by the rule", "by Keras"])
def test_what_is_excluded_from_weight_decay_as_keras_does(
    d2l, keras, decayed, jit_compile
):
    if decayed == "by the rule":
        ours = d2l.optimizer(d2l.adamw, weight_decay=0.1, **ADAM)
        theirs = keras.optimizers.AdamW(0.01, 0.1, 0.9, 0.999, 1e-12)
    else:
        ours = d2l.optimizer(d2l.rmsprop, weight_decay=0.1, **RMSPROP)
        theirs = own_rmsprop(keras, weight_decay=0.1)
    models = []
    for opt in (ours, theirs):
        opt.exclude_from_weight_decay(var_names=["bias"])
        models.append(fitted(keras, opt, jit_compile=jit_compile))
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)  # Keras rounds β to float32
    # And it matters, so that this test can fail.
    without = fitted(keras, d2l.optimizer(d2l.adamw, weight_decay=0.1, **ADAM))
    if decayed == "by the rule":
        biases = [model.get_weights()[1] for model in (without, models[0])]
        assert np.abs(biases[0] - biases[1]).max() > 1e-4


def test_an_exclusion_may_come_once_it_is_built(d2l, tf, keras):
    kernel, bias = variables(keras, [2.0], [2.0])
    opt = d2l.optimizer(COUPLED, lr=0.5, clip=1.0, weight_decay=0.1)
    opt.build([kernel, bias])
    for excluded, expected in (([], 1.9), (["bias"], 1.9), ([], 1.9 * 0.95)):
        opt.exclude_from_weight_decay(var_names=excluded)
        opt.apply([tf.zeros(1), tf.zeros(1)], [kernel, bias])
        np.testing.assert_allclose(bias.numpy(), [expected], rtol=1e-6)


def test_an_exclusion_holds_in_the_book_s_harness(d2l, keras):
    """Which trains with a clone, so that each call starts anew."""
    data_iter, _ = d2l.get_data_ch11(10, source="stand-in")
    losses = []
    for excluded in ([], ["kernel", "bias"]):
        opt = d2l.optimizer(d2l.adamw, **GIVEN["adamw"] | {"weight_decay": 1.0})
        opt.exclude_from_weight_decay(var_names=excluded)
        losses.append(d2l.train_concise_ch11(opt, {}, data_iter, num_epochs=1)[1][-1])
    adam = d2l.optimizer(d2l.adam, **GIVEN["adam"])
    without = d2l.train_concise_ch11(adam, {}, data_iter, num_epochs=1)[1][-1]
    assert losses[1] == pytest.approx(without, rel=1e-6)
    assert losses[0] != pytest.approx(without, rel=1e-3)


def test_a_function_of_yours_is_called_for_each_decay(d2l, tf, keras):
    def decaying(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * (g + hyperparams["weight_decay"] * p))

    kernel, bias = variables(keras, [2.0], [2.0])
    opt = d2l.optimizer(decaying, lr=0.5, weight_decay=0.1)
    opt.exclude_from_weight_decay(var_names=["bias"])
    opt.apply([tf.zeros(1), tf.zeros(1)], [kernel, bias])
    assert (kernel.numpy(), bias.numpy()) == (pytest.approx([1.9]), [2.0])


# ----------------------------------------------------- what Keras' own take, ours take

OPTIONS = {
    "clipnorm": {"clipnorm": 0.1},
    "clipvalue": {"clipvalue": 0.1},
    "global_clipnorm": {"global_clipnorm": 0.1},
    "weight_decay": {"weight_decay": 0.1},
    "use_ema": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "ema at the end": {"use_ema": True, "ema_momentum": 0.9},
    "gradient_accumulation_steps": {"gradient_accumulation_steps": 3},
    "loss_scale_factor": {"loss_scale_factor": 8.0},
    "two": {"weight_decay": 0.1, "gradient_accumulation_steps": 2, "clipvalue": 0.1},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_an_option_of_keras_is_followed(d2l, keras, options):
    ours = fitted(keras, d2l.optimizer(d2l.rmsprop, **RMSPROP, **options))
    assert_same_weights(ours, fitted(keras, own_rmsprop(keras, **options)))


def test_the_name_is_the_optimizer_s(d2l, keras):
    opt = d2l.optimizer(d2l.rmsprop, name="mine", **RMSPROP)
    opt.build(variables(keras, [1.0]))
    assert opt.name == "mine"
    assert all(v.path.startswith("mine/") for v in opt.variables)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clipnorm": -1}, "clipnorm must be a number from 0 upwards; got -1"),
        ({"clipvalue": "1"}, "clipvalue must be a number from 0 upwards; got '1'"),
        ({"weight_decay": -0.1}, "weight_decay must be a number from 0 upwards"),
        ({"loss_scale_factor": 0}, "loss_scale_factor must be a number above 0; got 0"),
        ({"gradient_accumulation_steps": 1}, "a whole number from 2 upwards, .* got 1"),
        ({"gradient_accumulation_steps": 2.5}, "a whole number .* got 2.5"),
        ({"clipnorm": 1, "clipvalue": 1}, "Only one of"),
        ({"use_ema": True, "ema_momentum": 2}, "must be in the range"),
    ],
)
def test_a_bad_option_is_named(d2l, keras, changed, message):
    with pytest.raises(ValueError, match=message):
        d2l.optimizer(d2l.rmsprop, **RMSPROP, **changed)


def test_weight_decay_is_the_attribute_of_keras_whoever_applies_it(d2l, tf, keras):
    (kernel,) = variables(keras, [1.0])
    opt = d2l.optimizer(COUPLED, lr=1.0, clip=9.0, weight_decay=0.5)
    assert opt.weight_decay == 0.5
    opt.weight_decay = 0.25
    opt.apply([tf.constant([0.0])], [kernel])
    assert kernel.numpy() == [0.75]


# --------------------------------------------------------------------- learning rates


@pytest.mark.parametrize("way", ["learning_rate", "lr"])
@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (-1.0, "from 0 upwards; got -1.0"),
        (float("nan"), "from 0 upwards; got nan"),
        (float("inf"), "a finite number"),
        (None, "from 0 upwards; got None"),
        ("fast", "from 0 upwards; got 'fast'"),
        (np.ones(3), r"one number; got a tensor of shape \(3,\)"),
        (lambda t: 0.1, "a function that needs arguments: give one without any"),
    ],
)
def test_a_bad_rate_is_refused_when_it_is_set(d2l, keras, rate, message, way):
    opt = d2l.optimizer(d2l.rmsprop, **RMSPROP)
    with pytest.raises(InputError, match=f"learning_rate .*{message}"):
        setattr(opt, way, rate)
    assert float(opt.learning_rate) == pytest.approx(0.01)


def test_a_rate_may_be_a_tensor_or_another_schedule_later(d2l, tf, keras):
    opt = d2l.optimizer(d2l.sgd, lr=0.1)
    for rate in (1, np.float32(0.5), tf.constant(0.5), tf.Variable(0.5), np.array(0.5)):
        opt.learning_rate = rate
        assert float(opt.learning_rate) == float(rate)
    opt.learning_rate = keras.optimizers.schedules.PolynomialDecay(1.0, 2, 0.0)
    (kernel,) = variables(keras, [9.0])
    for _ in range(3):
        opt.apply([tf.constant([1.0])], [kernel])
    np.testing.assert_allclose(kernel.numpy(), [9 - 1 - 0.5], rtol=1e-6)


def test_a_rate_may_be_a_function(d2l, tf, keras):
    rates = iter([1.0, 0.5])
    kernel = tf.Variable([2.0], dtype=tf.float64)
    opt = d2l.optimizer(d2l.sgd, lr=lambda: next(rates))
    for _ in range(2):
        opt.apply([tf.constant([1.0], tf.float64)], [kernel])
    assert kernel.numpy() == [0.5]
    with pytest.raises(InputError, match="lr is a function that needs arguments"):
        d2l.optimizer(d2l.sgd, lr=lambda t: 0.1)


def test_callbacks_of_keras_set_the_rate(d2l, keras):
    ours, theirs = d2l.optimizer(d2l.rmsprop, **RMSPROP), own_rmsprop(keras)
    models = []
    for opt in (ours, theirs):
        model = fitted(keras, opt, 1)
        halve = keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)
        models.append(train(model, 2, callbacks=[halve]))
    assert float(ours.learning_rate) == pytest.approx(0.0025)
    assert_same_weights(*models)


@pytest.mark.parametrize("name", ["adadelta", "chain"])
def test_a_rate_multiplies_the_steps_of_a_rule_without_one(d2l, tf, keras, name):
    """Also when it is set by name later, as callbacks do; it is 1 before."""
    rule, given = {
        "adadelta": (d2l.adadelta, {"rho": 0.9}),
        "chain": (Chain(pieces.Times(0.1)), {}),
    }[name]
    steps = []
    for way in ("none", "given", "learning_rate", "lr", "weight_decay"):
        more = {"given": {"lr": 0.5}, "weight_decay": {way: 0.25}}.get(way, {})
        opt = d2l.optimizer(rule, **given, **more)
        if way in ("learning_rate", "lr"):
            assert float(opt.learning_rate) == 1.0
            setattr(opt, way, 0.5)
        (kernel,) = variables(keras, [1.0])
        opt.apply([tf.constant([3.0])], [kernel])
        steps.append(1 - kernel.numpy()[0])
    whole, *halves, decayed = steps
    np.testing.assert_allclose(halves, whole / 2, rtol=1e-4)
    np.testing.assert_allclose(decayed, whole + 0.25, rtol=1e-4)


def test_a_rate_for_a_function_that_was_given_none_is_refused(d2l, keras):
    opt = d2l.optimizer(step_only)
    for way in ("learning_rate", "lr"):
        with pytest.raises(InputError, match="made without lr, so there is no rate to"):
            setattr(opt, way, 0.1)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    model = fitted(keras, opt)
    with pytest.raises(InputError, match="let it read"):
        train(model, callbacks=[schedule])
