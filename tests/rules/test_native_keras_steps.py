"""`d2l.optimizer` on Keras: every way to take a step, and what gradients may come."""

import numpy as np
import pytest
from keras_models import (
    ADAM,
    CHAIN,
    CHAIN_NUMBERS,
    GIVEN,
    RMSPROP,
    assert_same_weights,
    fitted,
    own_rmsprop,
    tensorflow_of,
    variables,
)

from d2lopt.errors import InputError
from d2lopt.rules import optimizers as rules
from d2lopt.rules import pieces
from d2lopt.rules.pieces import Chain

CLIPPED = Chain(pieces.ClipByGlobalNorm(), pieces.ByLr())
EVERY = [*GIVEN, "chain"]


@pytest.fixture
def tf(d2l, backend):
    return tensorflow_of(backend)


@pytest.fixture
def keras(tf):
    return tf.keras


def made(d2l, name, **options):
    """The optimizer of that rule, with its numbers."""
    if name == "chain":
        return d2l.optimizer(CHAIN, **CHAIN_NUMBERS, **options)
    return d2l.optimizer(rules.find(name), **GIVEN[name], **options)


# --------------------------------------------------------------- every way to a step

WAYS = {
    "XLA": {"jit_compile": True},
    "a graph": {"jit_compile": False},
    "Python": {"run_eagerly": True},
    "three at once": {"steps_per_execution": 3},
}


@pytest.mark.parametrize("compiled", WAYS.values(), ids=WAYS)
def test_it_trains_however_the_model_is_compiled(d2l, keras, compiled):
    ours = fitted(keras, d2l.optimizer(d2l.rmsprop, **RMSPROP), **compiled)
    assert_same_weights(ours, fitted(keras, own_rmsprop(keras), **compiled))


@pytest.mark.parametrize("name", EVERY)
def test_compiled_and_run_by_python_it_is_the_same(d2l, keras, name):
    models = [
        fitted(keras, made(d2l, name), run_eagerly=eagerly) for eagerly in (True, False)
    ]
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_apply_takes_the_gradients_alone_once_it_is_built(d2l, tf, keras):
    found = []
    for opt in (d2l.optimizer(d2l.rmsprop, **RMSPROP), own_rmsprop(keras)):
        kernel, bias = variables(keras, [1.0, 2.0], 3.0)
        with pytest.raises(ValueError, match="must already be built"):
            opt.apply([tf.ones(2), tf.ones(())])
        opt.build([kernel, bias])
        opt.apply([tf.ones(2), tf.constant(2.0)])
        count = opt.apply_gradients([(tf.ones(2), kernel)])
        opt.apply([], [])
        with pytest.raises(ValueError, match="Received a list of 1 gradients"):
            opt.apply([tf.ones(2)])
        found.append([*kernel.numpy(), bias.numpy(), count.numpy()])
    np.testing.assert_allclose(*found, rtol=1e-6)
    assert found[0][-1] == 2


def test_a_variable_that_comes_later_is_refused_as_by_keras(d2l, tf, keras):
    kernel, other = variables(keras, [1.0], [1.0])
    opt = d2l.optimizer(d2l.rmsprop, **RMSPROP)
    opt.build([kernel])
    with pytest.raises(ValueError, match="Unknown variable"):
        opt.apply([tf.ones(1)], [other])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_scales_the_loss(d2l, keras, policy):
    models = []
    keras.mixed_precision.set_global_policy(policy)
    try:
        for opt in (d2l.optimizer(d2l.rmsprop, **RMSPROP), own_rmsprop(keras)):
            models.append(fitted(keras, opt))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert_same_weights(*models)
    scaled = isinstance(models[0].optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_a_loss_that_overflows_is_left_out(d2l, tf, keras):
    (kernel,) = variables(keras, [1.0])
    opt = keras.optimizers.LossScaleOptimizer(made(d2l, "adam"), initial_scale=4.0)
    opt.apply([tf.constant([np.inf])], [kernel])
    assert kernel.numpy() == [1.0]
    assert opt.inner_optimizer.iterations.numpy() == 0
    opt.learning_rate = 0.5
    opt.apply([tf.constant([2.0])], [kernel])
    np.testing.assert_allclose(kernel.numpy(), [0.5], rtol=1e-5)


def test_it_is_one_of_several_in_a_multi_optimizer(d2l, keras):
    models = []
    for opt in (d2l.optimizer(d2l.rmsprop, **RMSPROP), own_rmsprop(keras)):
        by_variable = keras.optimizers.OptimizerMap(opt)
        by_variable[".*/kernel"] = keras.optimizers.SGD(0.01)
        models.append(fitted(keras, keras.optimizers.MultiOptimizer(by_variable)))
    assert_same_weights(*models)


# -------------------------------------------------------------------------- gradients


def test_without_any_gradient_it_says_so_as_keras_does(d2l, keras):
    kernel, _ = variables(keras, [1.0], [1.0])
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        made(d2l, "adam").apply([None], [kernel])


def _in_turn(tf, graph, opt, kernel, bias):
    """The variables after steps in which both, one or the other has a gradient."""
    g = tf.constant([0.5, -2.0])

    def both():
        opt.apply([tf.constant([1.0, 2.0]), tf.constant([3.0, -1.0])])

    def first():
        opt.apply_gradients([(g, kernel)])

    def second():
        opt.apply([None, g], [kernel, bias])

    steps = {f: tf.function(f) if graph else f for f in (both, first, second)}
    for f in (first, second, first, first, both):
        steps[f]()
    return [*kernel.numpy(), *bias.numpy()]


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("graph", [False, True])
def test_steps_are_counted_for_all_variables_as_in_keras(d2l, tf, keras, graph):
    """Also for those that have no gradient in a step, whose averages wait."""
    found = []
    for opt in (
        d2l.optimizer(d2l.adam, **ADAM),
        keras.optimizers.Adam(0.01, 0.9, 0.999, epsilon=1e-12),
    ):
        kernel, bias = variables(keras, [1.0, 2.0], [1.0, 2.0])
        opt.build([kernel, bias])

        found.append(_in_turn(tf, graph, opt, kernel, bias))
    np.testing.assert_allclose(*found, rtol=1e-4)  # Keras rounds β to float32


def test_steps_are_counted_for_all_variables_in_a_chain(d2l, tf, keras):
    """Scalars too, whose averages have the shape of a count."""
    chain = Chain(pieces.ByMoments(), pieces.ByLr())
    kernel, bias = variables(keras, 1.0, 1.0)
    opt = d2l.optimizer(chain, **ADAM)
    opt.build([kernel, bias])
    for grads in ((1.0, None), (2.0, None), (None, 3.0)):
        pairs = zip(grads, (kernel, bias), strict=True)
        opt.apply_gradients([(tf.constant(g), p) for g, p in pairs if g is not None])
    # At t = 3: m̂ = 0.1 · 3 / (1 − 0.9³), v̂ = 0.001 · 9 / (1 − 0.999³)
    step = (0.3 / (1 - 0.9**3)) / np.sqrt(0.009 / (1 - 0.999**3))
    np.testing.assert_allclose(bias.numpy(), 1 - 0.01 * step, rtol=1e-5)


def test_a_count_of_yours_is_your_own(d2l, tf, keras):
    """The rule is not called for a variable without a gradient, and counts nothing."""

    def counting(params, grads, states, hyperparams):
        for p, t in zip(params, states, strict=True):
            d2l.assign(t, t + 1.0)
            d2l.assign(p, p * 0.0 + t)

    def init_states(d2l, params):
        return [d2l.variable(d2l.tensor(0.0)) for _ in params]

    kernel, bias = variables(keras, [1.0], [1.0])
    opt = d2l.optimizer(counting, init_states=init_states)
    opt.build([kernel, bias])
    for v in (kernel, kernel, bias):
        opt.apply_gradients([(tf.ones(1), v)])
    assert (kernel.numpy(), bias.numpy()) == (2.0, 1.0)


@pytest.mark.parametrize("name", EVERY)
def test_rows_of_a_gradient_are_the_gradient(d2l, tf, keras, name):
    """Also a row that comes twice, whose parts add up."""
    dense, sparse = (keras.Variable(np.ones((4, 2), "f4")) for _ in range(2))
    ours, theirs = made(d2l, name), made(d2l, name)
    for i in range(3):
        rows = tf.IndexedSlices(tf.ones((3, 2)) * (i - 0.5), (0, 2, 2), (4, 2))
        ours.apply([rows], [sparse])
        theirs.apply([tf.convert_to_tensor(rows)], [dense])
    np.testing.assert_array_equal(dense.numpy(), sparse.numpy())


def test_an_embedding_is_trained_with_every_option(d2l, keras):
    """Its gradients have rows only, which Keras clips and adds up as they are.

    No word comes twice in a batch: Keras' own takes the squares of its parts.
    """
    ids = np.array([[1, 2], [0, 3], [4, 2], [1, 0]] * 5)
    for options in ({"clipnorm": 0.01}, {"gradient_accumulation_steps": 2}):
        weights = []
        for opt in (
            d2l.optimizer(d2l.rmsprop, **RMSPROP, **options),
            own_rmsprop(keras, **options),
        ):
            keras.utils.set_random_seed(0)
            layers = keras.layers
            model = keras.Sequential([layers.Embedding(5, 3), layers.Flatten()])
            model.compile(optimizer=opt, loss="mse")
            model.fit(ids, np.ones((20, 6)), 2, 3, shuffle=False, verbose=0)
            weights += model.get_weights()
        np.testing.assert_allclose(*weights, rtol=1e-5)


def test_a_variable_may_be_overwritten_by_its_gradient(d2l, tf, keras):
    """As the scales of float8 are, which are no parameters of the rule."""
    scale, kernel = variables(keras, [1.0, 2.0], [1.0, 2.0], names=("scale", "kernel"))
    scale.overwrite_with_gradient = True
    opt = made(d2l, "adam")
    for g in (3.0, 4.0):
        opt.apply([tf.constant([g, g]), tf.ones(2)], [scale, kernel])
    np.testing.assert_array_equal(scale.numpy(), [4.0, 4.0])
    np.testing.assert_allclose(kernel.numpy(), [0.98, 1.98], rtol=1e-5)
    assert not [v.path for v in opt.variables if "scale" in v.path]


@pytest.mark.parametrize("clipped", ["by the rule", "by Keras"])
def test_a_global_norm_is_over_all_dtypes(d2l, tf, keras, clipped):
    single, double = tf.Variable([0.0]), tf.Variable([0.0], dtype=tf.float64)
    if clipped == "by the rule":
        opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)
    else:
        opt = d2l.optimizer(d2l.sgd, lr=1.0, global_clipnorm=1.0)
    opt.apply([tf.constant([3.0]), tf.constant([4.0], tf.float64)], [single, double])
    np.testing.assert_allclose([*single.numpy(), *double.numpy()], [-0.6, -0.8])


@pytest.mark.parametrize("name", EVERY)
def test_complex_variables_are_right_or_refused(d2l, tf, keras, name):
    """g² is no square of a size. A rule that is linear in g needs none."""
    x, g = np.array([1 + 1j, 2 - 1j]), np.array([3 + 4j, -2j])
    variable = tf.Variable(x)
    opt = made(d2l, name)
    if name not in ("sgd", "momentum", "nesterov"):
        with pytest.raises(InputError, match="is for real numbers: keep the real and"):
            opt.apply([tf.constant(g)], [variable])
        return
    parts = [tf.Variable(x.real), tf.Variable(x.imag)]
    for_parts = made(d2l, name)
    for _ in range(3):
        opt.apply([tf.constant(g)], [variable])
        for_parts.apply([tf.constant(g.real), tf.constant(g.imag)], parts)
    real, imaginary = (part.numpy() for part in parts)
    np.testing.assert_allclose(variable.numpy(), real + 1j * imaginary, rtol=1e-6)


def test_states_that_keras_cannot_keep_are_refused(d2l, tf, keras):
    def moving(params, grads, states, hyperparams):
        pass

    (kernel,) = variables(keras, [1.0])
    opt = d2l.optimizer(moving, init_states=lambda d2l, params: [0.0])
    with pytest.raises(InputError, match=r"gives 0.0, .*: make it a d2l.variable"):
        opt.build([kernel])
