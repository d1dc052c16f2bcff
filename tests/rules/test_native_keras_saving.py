"""`d2l.optimizer` on Keras: names of its variables, files, checkpoints and copies."""

import copy
import json
import pickle

import numpy as np
import pytest
from keras_models import (
    CHAIN,
    CHAIN_NUMBERS,
    GIVEN,
    RMSPROP,
    assert_same_weights,
    fitted,
    tensorflow_of,
    train,
    variables,
)

from d2lopt.errors import InputError
from d2lopt.rules import optimizers as rules

OPTIONS = {
    "clipvalue": 0.1,
    "use_ema": True,
    "ema_momentum": 0.5,
    "ema_overwrite_frequency": 4,
    "gradient_accumulation_steps": 2,
    "loss_scale_factor": 2.0,
    "name": "mine",
}


@pytest.fixture
def tf(d2l, backend):
    return tensorflow_of(backend)


@pytest.fixture
def keras(tf):
    return tf.keras


@pytest.fixture(params=[*GIVEN, "chain"])
def made(d2l, keras, request):
    """An optimizer of each rule, with these options."""

    def optimizer(**options):
        if request.param == "chain":
            return d2l.optimizer(CHAIN, **CHAIN_NUMBERS, **options)
        return d2l.optimizer(
            rules.find(request.param), **GIVEN[request.param], **options
        )

    return optimizer


def test_every_variable_has_a_name_of_its_own(keras, made):
    """With that of its parameter in it, as Keras' own: portable/dense_kernel_s."""
    opt = made()
    kernels = variables(keras, [[1.0]], [[1.0]], names=("first", "second"))
    opt.build(kernels)
    paths = [v.path for v in opt.variables]
    assert paths[:2] == ["portable/iteration", "portable/learning_rate"]
    assert len(set(paths)) == len(paths)
    of_first = [path for path in paths[2:] if path.startswith("portable/first_")]
    of_second = [path for path in paths[2:] if path.startswith("portable/second_")]
    assert of_first + of_second == paths[2:]
    assert [path.replace("first", "second") for path in of_first] == of_second


def test_variables_of_tensorflow_give_names_too(d2l, tf, keras):
    mixed = [tf.Variable([1.0], name="table"), *variables(keras, [1.0])]
    opt = d2l.optimizer(d2l.rmsprop, **RMSPROP)
    opt.apply([tf.ones(1), tf.ones(1)], mixed)
    paths = [v.path for v in opt.variables[2:]]
    assert paths == ["portable/table_0_s", "portable/kernel_s"]


# ------------------------------------------------------------------------ the config


def test_the_config_makes_it_again(keras, made):
    opt = made(**OPTIONS)
    config = json.loads(json.dumps(opt.get_config()))
    again = type(opt).from_config(config)
    assert again.get_config() == opt.get_config()
    for name, value in OPTIONS.items():
        assert opt.get_config()[name] == value
        assert getattr(again, name) == value
    written = keras.optimizers.serialize(opt)
    assert keras.optimizers.deserialize(written).get_config() == opt.get_config()


def test_the_config_has_numbers_of_numpy_too(d2l, keras):
    half = np.float32(0.5)
    opt = d2l.optimizer(d2l.rmsprop, lr=half, gamma=half, weight_decay=half)
    config = json.loads(json.dumps(opt.get_config()))
    assert (config["hyperparams"], config["weight_decay"]) == ({"gamma": 0.5}, 0.5)


def test_the_config_has_what_was_set_later(d2l, keras):
    opt = d2l.optimizer(d2l.adamw, **GIVEN["adamw"])
    opt.weight_decay, opt.learning_rate = 0.5, 0.25
    again = type(opt).from_config(opt.get_config())
    assert (again.weight_decay, float(again.learning_rate)) == (0.5, 0.25)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    opt.learning_rate = schedule
    again = type(opt).from_config(opt.get_config())
    assert again.get_config() == opt.get_config()


def test_a_config_of_an_earlier_version_is_read(d2l, keras):
    config = {
        "rule": "adamw",
        "hyperparams": {n: v for n, v in GIVEN["adamw"].items() if n != "lr"},
        "learning_rate": 0.5,
        "name": "portable",
    }
    opt = type(d2l.optimizer(d2l.sgd, lr=0.1)).from_config(config)
    assert (opt.weight_decay, float(opt.learning_rate)) == (0.01, 0.5)


# ---------------------------------------------------------------- files and checkpoints


def test_a_model_in_a_file_resumes_at_the_same_numbers(keras, made, tmp_path):
    model = fitted(keras, made(**OPTIONS), run_eagerly=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    before = [v.numpy() for v in model.optimizer.variables]
    for v, value in zip(again.optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(v.numpy(), value)
    assert_same_weights(train(model), train(again))


def test_a_model_in_an_h5_file(keras, made, tmp_path):
    """Keras reads its weights and config alone, and says so; all states are there."""
    import h5py

    model = fitted(keras, made(), run_eagerly=True)
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        states = [
            file["optimizer_weights"][v.path][()] for v in model.optimizer.variables
        ]
    again = keras.models.load_model(tmp_path / "model.h5")
    assert_same_weights(model, again)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    again.optimizer.build(again.trainable_variables)
    again.optimizer.set_weights(states)
    assert_same_weights(train(model), train(again))


def test_weights_in_a_file_have_the_states(keras, made, tmp_path):
    model, other = (
        fitted(keras, made(), run_eagerly=True),
        fitted(keras, made(), epochs=1, run_eagerly=True),
    )
    model.save_weights(tmp_path / "of.weights.h5")
    other.load_weights(tmp_path / "of.weights.h5")
    assert_same_weights(train(model), train(other))


def test_a_checkpoint_of_tensorflow_has_the_states(tf, keras, made, tmp_path):
    model, other = (
        fitted(keras, made(), run_eagerly=True),
        fitted(keras, made(), epochs=1, run_eagerly=True),
    )
    path = tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(
        tmp_path / "at"
    )
    kept = tf.train.Checkpoint(model=other, optimizer=other.optimizer)
    kept.restore(path).assert_consumed()
    assert_same_weights(train(model), train(other))


def test_copies_of_an_optimizer_and_of_its_model(keras, made):
    opt = made(**OPTIONS)
    for twin in (copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))):
        assert twin.get_config() == opt.get_config()
    model = fitted(keras, opt, run_eagerly=True)
    assert_same_weights(train(pickle.loads(pickle.dumps(model))), train(model))


def test_weights_are_set_from_another(tf, keras, made):
    first, second = made(), made()
    kernel, again = variables(keras, [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="not yet been built"):
        second.set_weights(first.variables)
    first.apply([tf.constant([1.0, -3.0])], [kernel])
    second.build([again])
    second.set_weights(first.variables)
    again.assign(kernel)
    for opt, p in ((first, kernel), (second, again)):
        opt.apply([tf.constant([2.0, 1.0])], [p])
    np.testing.assert_array_equal(kernel.numpy(), again.numpy())


def test_a_function_of_yours_is_in_no_file_and_says_so(d2l, keras, tmp_path):
    def step(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * g)

    opt = d2l.optimizer(step, lr=0.1)
    for copied in (opt.get_config, lambda: copy.deepcopy(opt)):
        with pytest.raises(InputError, match="save the weights alone"):
            copied()
