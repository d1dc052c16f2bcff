"""What the tests of `d2l.optimizer` on Keras share: numbers, and a small model."""

import numpy as np
import pytest

from d2lopt.rules import optimizers as rules
from d2lopt.rules import pieces
from d2lopt.rules.pieces import Chain

RMSPROP = {"lr": 0.01, "gamma": 0.9, "eps": 1e-7}
ADAM = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-12}
GIVEN = {name: dict(rule.hyperparams) for name, rule in rules.RULES.items()}

X = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
Y = X.sum(axis=1, keepdims=True)

# A chain with every kind of state, and what it reads.
CHAIN = Chain(
    pieces.ClipByGlobalNorm(),
    pieces.CoupledL2(),
    pieces.ByRms(centered=True, corrected=True),
    pieces.Momentum(nesterov=True),
    pieces.ByLr(),
)
CHAIN_NUMBERS = RMSPROP | {
    "eps": 0.01,
    "momentum": 0.5,
    "weight_decay": 0.1,
    "clip": 0.5,
}


def tensorflow_of(backend):
    """The module; on other backends the test is skipped."""
    if backend != "tensorflow":
        pytest.skip("what Keras alone can do")
    import tensorflow

    return tensorflow


def own_rmsprop(keras, **options):
    """Keras' own, of the same formula and numbers as `rmsprop` with RMSPROP."""
    return keras.optimizers.RMSprop(0.01, rho=0.9, epsilon=1e-7, **options)


def fitted(keras, opt, epochs=2, **compiled):
    """A perceptron after some epochs of model.fit."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.layers.Input((4,)), dense(3, activation="relu"), dense(1)]
    )
    loss = keras.losses.MeanSquaredError()
    model.compile(optimizer=opt, loss=loss, **compiled)
    return train(model, epochs)


def train(model, epochs=2, **more):
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **more)
    return model


def assert_same_weights(model, other):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def variables(keras, *values, names=("kernel", "bias")):
    """A variable of Keras for each value, with the names that Dense gives."""
    pairs = zip(values, names, strict=False)
    return [keras.Variable(np.array(v, "f4"), name=name) for v, name in pairs]


def step_only(params, grads, states, hyperparams):
    """A function of a learner's that reads no rate, and does nothing."""
