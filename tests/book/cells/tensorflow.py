# ruff: noqa
"""Cells in the manner of the book's TensorFlow tab, in the order of its sections."""

# %% introduction
import math

import numpy as np
import tensorflow as tf
from mpl_toolkits import mplot3d

from d2lopt import tensorflow as d2l


def f(x):
    return x * tf.cos(np.pi * x)


def g(x):
    return f(x) + 0.2 * tf.cos(5 * np.pi * x)


x = tf.range(0.5, 1.5, 0.01)
# %% [shared] curves with notes
# %% [shared] convexity
# %% [shared] gradient descent
# %% [shared] gradient descent in two dimensions


# %% stochastic gradient descent
def sgd(x1, x2, s1, s2, f_grad):
    g1, g2 = f_grad(x1, x2)
    g1 += d2l.normal([1], 0.0, 1)
    g2 += float(tf.random.normal([1], 0.0, 1)[0])
    eta_t = eta * lr()
    return x1 - eta_t * g1, x2 - eta_t * g2, 0, 0


# %% [shared] a learning rate that decays
# %%
d2l.show_trace_2d(lambda x1, x2: tf.exp(0.1 * x1) + x2**2, [(-5, -2), (0, 0)])
# %% minibatch stochastic gradient descent
timer = d2l.Timer()
A = tf.Variable(d2l.zeros((8, 8)))
B = tf.Variable(d2l.normal([8, 8], 0, 1))
C = tf.Variable(d2l.normal([8, 8], 0, 1))
timer.start()
for i in range(8):
    for j in range(8):
        A[i, j].assign(tf.tensordot(B[i, :], C[:, j], axes=1))
timer.stop()
timer.start()
A.assign(tf.tensordot(B, C, axes=1))
timer.stop()
print([0.03 / i for i in timer.times], timer.avg(), timer.sum(), timer.cumsum())


def sgd(params, grads, states, hyperparams):
    for param, grad in zip(params, grads):
        param.assign_sub(hyperparams["lr"] * grad)


# %% [shared] the address of the data


# %% [file]
def get_data_ch11(batch_size=10, n=1500):
    data = np.genfromtxt(d2l.download("airfoil"), dtype=np.float32, delimiter="\t")
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    rows = (data[:n, :-1], data[:n, -1])
    return d2l.load_array(rows, batch_size, is_train=True), data.shape[1] - 1


assert isinstance(get_data_ch11()[0], tf.data.Dataset)
data_iter, feature_dim = get_data_ch11()
d2l.train_ch11(sgd, None, {"lr": 0.05}, data_iter, feature_dim)
# %%
if "get_data_ch11" not in globals():
    get_data_ch11 = d2l.get_data_ch11


def train_ch11(trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs=2):
    w = tf.Variable(
        tf.random.normal(shape=(feature_dim, 1), mean=0, stddev=0.01), trainable=True
    )
    b = tf.Variable(tf.zeros(1), trainable=True)
    net, loss = lambda X: d2l.linreg(X, w, b), d2l.squared_loss
    animator = d2l.Animator(
        xlabel="epoch", ylabel="loss", xlim=[0, num_epochs], ylim=[0.22, 0.35]
    )
    n, timer = 0, d2l.Timer()
    for _ in range(num_epochs):
        for X, y in data_iter:
            with tf.GradientTape() as g:
                l = tf.math.reduce_mean(loss(net(X), y))
            dw, db = g.gradient(l, [w, b])
            trainer_fn([w, b], [dw, db], states, hyperparams)
            n += X.shape[0]
            if n % 200 == 0 or n == 1500:
                timer.stop()
                animator.add(
                    n
                    / X.shape[0]
                    / tf.data.experimental.cardinality(data_iter).numpy(),
                    (d2l.evaluate_loss(net, data_iter, loss),),
                )
                timer.start()
    print(f"loss: {animator.Y[0][-1]:.3f}, {timer.avg():.3f} sec/epoch")
    return timer.cumsum(), animator.Y[0]


# %% [shared] batch sizes


# %%
def train_concise_ch11(trainer_fn, hyperparams, data_iter, num_epochs=2):
    net = tf.keras.Sequential()
    kernel = tf.random_normal_initializer(stddev=0.01)
    net.add(tf.keras.layers.Dense(1, kernel_initializer=kernel))
    optimizer = trainer_fn(**hyperparams)
    loss = tf.keras.losses.MeanSquaredError()
    for _ in range(num_epochs):
        for X, y in data_iter:
            with tf.GradientTape() as g:
                l = loss(y, net(X))
                params = net.trainable_variables
                grads = g.gradient(l, params)
            optimizer.apply_gradients(zip(grads, params))
    print(f"loss: {d2l.evaluate_loss(net, data_iter, loss) / 2:.3f}")


data_iter, _ = get_data_ch11(10)
train_concise_ch11(tf.keras.optimizers.SGD, {"learning_rate": 0.01}, data_iter)
# %% [shared] momentum in two dimensions


# %% momentum
def init_momentum_states(feature_dim):
    return tf.Variable(tf.zeros((feature_dim, 1))), tf.Variable(tf.zeros(1))


def sgd_momentum(params, grads, states, hyperparams):
    for p, v, g in zip(params, states, grads):
        v[:].assign(hyperparams["momentum"] * v + g)
        p[:].assign(p - hyperparams["lr"] * v)


data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.train_ch11(
    sgd_momentum,
    init_momentum_states(feature_dim),
    {"lr": 0.01, "momentum": 0.9},
    data_iter,
    feature_dim,
    2,
)
d2l.train_concise_ch11(
    tf.keras.optimizers.SGD, {"learning_rate": 0.005, "momentum": 0.9}, data_iter
)


# %% adagrad, rmsprop
def one_state(feature_dim):
    return tf.Variable(d2l.zeros((feature_dim, 1))), tf.Variable(d2l.zeros(1))


def adagrad(params, grads, states, hyperparams):
    for p, s, g in zip(params, states, grads):
        s[:].assign(s + tf.square(g))
        p[:].assign(p - hyperparams["lr"] * g / tf.sqrt(s + 1e-6))


def rmsprop(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, s, g in zip(params, states, grads):
        s[:].assign(gamma * s + (1 - gamma) * tf.square(g))
        p[:].assign(p - hyperparams["lr"] * g / tf.sqrt(s + eps))


states = one_state(feature_dim)
d2l.train_ch11(adagrad, states, {"lr": 0.1}, data_iter, feature_dim)
d2l.train_concise_ch11(tf.keras.optimizers.Adagrad, {"learning_rate": 0.1}, data_iter)
states = one_state(feature_dim)
d2l.train_ch11(rmsprop, states, {"lr": 0.01, "gamma": 0.9}, data_iter, feature_dim)
d2l.train_concise_ch11(
    tf.keras.optimizers.RMSprop, {"learning_rate": 0.01, "rho": 0.9}, data_iter
)


# %% adadelta
def two_states(feature_dim):
    zeros = lambda: (
        tf.Variable(d2l.zeros((feature_dim, 1))),
        tf.Variable(d2l.zeros(1)),
    )
    return tuple(zip(zeros(), zeros()))


def adadelta(params, grads, states, hyperparams):
    rho, eps = hyperparams["rho"], 1e-5
    for p, (s, delta), g in zip(params, states, grads):
        s[:].assign(rho * s + (1 - rho) * tf.square(g))
        d = tf.math.sqrt(delta + eps) / tf.math.sqrt(s + eps) * g
        p[:].assign(p - d)
        delta[:].assign(rho * delta + (1 - rho) * d * d)


states = two_states(feature_dim)
d2l.train_ch11(adadelta, states, {"rho": 0.9}, data_iter, feature_dim)
d2l.train_concise_ch11(
    tf.keras.optimizers.Adadelta, {"learning_rate": 5.0, "rho": 0.9}, data_iter
)


# %% adam
def adam(params, grads, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s), g in zip(params, states, grads):
        v[:].assign(beta1 * v + (1 - beta1) * g)
        s[:].assign(beta2 * s + (1 - beta2) * tf.square(g))
        v_hat = v / (1 - beta1 ** hyperparams["t"])
        s_hat = s / (1 - beta2 ** hyperparams["t"])
        p[:].assign(p - hyperparams["lr"] * v_hat / (tf.sqrt(s_hat) + eps))
    hyperparams["t"] += 1


states = two_states(feature_dim)
d2l.train_ch11(adam, states, {"lr": 0.01, "t": 1}, data_iter, feature_dim)
d2l.train_concise_ch11(tf.keras.optimizers.Adam, {"learning_rate": 0.01}, data_iter)
# %% learning-rate scheduling
device = d2l.try_gpu()
scheduler = tf.keras.optimizers.schedules.PiecewiseConstantDecay(
    [15, 30], [0.5, 0.25, 0.1]
)
d2l.plot(tf.range(40), [scheduler(t) for t in range(40)])
model = tf.keras.models.Sequential([tf.keras.layers.Dense(10)])
model.compile(tf.keras.optimizers.SGD(learning_rate=0.1), loss="mse")
model.optimizer.lr = model.optimizer.lr / 2
assert model.optimizer.learning_rate.numpy() == np.float32(0.05)
animator = d2l.Animator(
    xlabel="epoch", xlim=[0, 2], legend=["train loss", "train acc", "test acc"]
)
metric = d2l.Accumulator(3)
metric.add(tf.Variable(2.0), 3, 4)
animator.add(1, (metric[0] / metric[2], metric[1] / metric[2], None))
animator.add(2, (None, None, tf.constant(0.5)))
assert animator.Y == [[0.5], [0.75], [0.5]]
