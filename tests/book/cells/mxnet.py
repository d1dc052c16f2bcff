# ruff: noqa
"""Cells in the manner of the book's MXNet tab, in the order of its sections."""

# %% introduction
import math

from mxnet import autograd, gluon, init, lr_scheduler, np, npx
from mpl_toolkits import mplot3d

from d2lopt import mxnet as d2l

npx.set_np()


def f(x):
    return x * np.cos(np.pi * x)


def g(x):
    return f(x) + 0.2 * np.cos(5 * np.pi * x)


x = np.arange(0.5, 1.5, 0.01)
# %% [shared] curves with notes
# %% the saddle point, in another edition
x, y = d2l.meshgrid(d2l.linspace(-1.0, 1.0, 101), d2l.linspace(-1.0, 1.0, 101))
z = x**2 - y**2
ax = d2l.plt.figure().add_subplot(111, projection="3d")
ax.plot_wireframe(
    x.asnumpy(), y.asnumpy(), z.asnumpy(), **{"rstride": 10, "cstride": 10}
)
# %% [shared] convexity
# %% [shared] gradient descent
# %% [shared] gradient descent in two dimensions


# %% stochastic gradient descent
def sgd(x1, x2, s1, s2, f_grad):
    g1, g2 = f_grad(x1, x2)
    g1 += d2l.normal(0.0, 1, (1,))
    g2 += np.random.normal(0.0, 1, (1,)).item()
    eta_t = eta * lr()
    return x1 - eta_t * g1, x2 - eta_t * g2, 0, 0


# %% [shared] a learning rate that decays
# %%
d2l.show_trace_2d(lambda x1, x2: np.exp(0.1 * x1) + x2**2, [(-5, -2), (0, 0)])
# %% minibatch stochastic gradient descent
timer = d2l.Timer()
A, B, C = np.zeros((8, 8)), d2l.randn(8, 8), np.random.normal(0, 1, (8, 8))
timer.start()
for i in range(8):
    for j in range(8):
        A[i, j] = np.dot(B[i, :], C[:, j])
npx.waitall()
timer.stop()
timer.start()
A = np.dot(B, C)
timer.stop()
print([0.03 / i for i in timer.times], timer.avg(), timer.sum(), timer.cumsum())


def sgd(params, states, hyperparams):
    for p in params:
        p[:] -= hyperparams["lr"] * p.grad


# %% [shared] the address of the data


# %% [file]
def get_data_ch11(batch_size=10, n=1500):
    data = np.genfromtxt(d2l.download("airfoil"), dtype=np.float32, delimiter="\t")
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    rows = (data[:n, :-1], data[:n, -1])
    return d2l.load_array(rows, batch_size, is_train=True), data.shape[1] - 1


assert isinstance(get_data_ch11()[0], gluon.data.DataLoader)
data_iter, feature_dim = get_data_ch11()
d2l.train_ch11(sgd, None, {"lr": 0.05}, data_iter, feature_dim)
# %%
if "get_data_ch11" not in globals():
    get_data_ch11 = d2l.get_data_ch11


def train_ch11(trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs=2):
    w = np.random.normal(scale=0.01, size=(feature_dim, 1))
    b = np.zeros(1)
    w.attach_grad()
    b.attach_grad()
    net, loss = lambda X: d2l.linreg(X, w, b), d2l.squared_loss
    animator = d2l.Animator(
        xlabel="epoch", ylabel="loss", xlim=[0, num_epochs], ylim=[0.22, 0.35]
    )
    n, timer = 0, d2l.Timer()
    for _ in range(num_epochs):
        for X, y in data_iter:
            with autograd.record():
                l = loss(net(X), y).mean()
            l.backward()
            trainer_fn([w, b], states, hyperparams)
            n += X.shape[0]
            if n % 200 == 0 or n == 1500:
                timer.stop()
                animator.add(
                    n / X.shape[0] / len(data_iter),
                    (d2l.evaluate_loss(net, data_iter, loss),),
                )
                timer.start()
    print(f"loss: {animator.Y[0][-1]:.3f}, {timer.avg():.3f} sec/epoch")
    return timer.cumsum(), animator.Y[0]


# %% [shared] batch sizes


# %%
def train_concise_ch11(tr_name, hyperparams, data_iter, num_epochs=2):
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(1))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), tr_name, hyperparams)
    loss = gluon.loss.L2Loss()
    for _ in range(num_epochs):
        for X, y in data_iter:
            with autograd.record():
                l = loss(net(X), y)
            l.backward()
            trainer.step(X.shape[0])
    print(f"loss: {d2l.evaluate_loss(net, data_iter, loss):.3f}")


data_iter, _ = get_data_ch11(10)
train_concise_ch11("sgd", {"learning_rate": 0.01}, data_iter)
# %% [shared] momentum in two dimensions


# %% momentum
def init_momentum_states(feature_dim):
    return np.zeros((feature_dim, 1)), np.zeros(1)


def sgd_momentum(params, states, hyperparams):
    for p, v in zip(params, states):
        v[:] = hyperparams["momentum"] * v + p.grad
        p[:] -= hyperparams["lr"] * v


data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.train_ch11(
    sgd_momentum,
    init_momentum_states(feature_dim),
    {"lr": 0.01, "momentum": 0.9},
    data_iter,
    feature_dim,
    2,
)
d2l.train_concise_ch11("sgd", {"learning_rate": 0.005, "momentum": 0.9}, data_iter)


# %% adagrad, rmsprop
def one_state(feature_dim):
    return d2l.zeros((feature_dim, 1)), d2l.zeros(1)


def adagrad(params, states, hyperparams):
    for p, s in zip(params, states):
        s[:] += np.square(p.grad)
        p[:] -= hyperparams["lr"] * p.grad / np.sqrt(s + 1e-6)


def rmsprop(params, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, s in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * np.square(p.grad)
        p[:] -= hyperparams["lr"] * p.grad / np.sqrt(s + eps)


states = one_state(feature_dim)
d2l.train_ch11(adagrad, states, {"lr": 0.1}, data_iter, feature_dim)
d2l.train_concise_ch11("adagrad", {"learning_rate": 0.1}, data_iter)
states = one_state(feature_dim)
d2l.train_ch11(rmsprop, states, {"lr": 0.01, "gamma": 0.9}, data_iter, feature_dim)
d2l.train_concise_ch11("rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}, data_iter)


# %% adadelta
def two_states(feature_dim):
    zeros = lambda: (d2l.zeros((feature_dim, 1)), d2l.zeros(1))
    return tuple(zip(zeros(), zeros()))


def adadelta(params, states, hyperparams):
    rho, eps = hyperparams["rho"], 1e-5
    for p, (s, delta) in zip(params, states):
        s[:] = rho * s + (1 - rho) * np.square(p.grad)
        g = (np.sqrt(delta + eps) / np.sqrt(s + eps)) * p.grad
        p[:] -= g
        delta[:] = rho * delta + (1 - rho) * g * g


states = two_states(feature_dim)
d2l.train_ch11(adadelta, states, {"rho": 0.9}, data_iter, feature_dim)
d2l.train_concise_ch11("adadelta", {"rho": 0.9}, data_iter)


# %% adam
def adam(params, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s) in zip(params, states):
        v[:] = beta1 * v + (1 - beta1) * p.grad
        s[:] = beta2 * s + (1 - beta2) * np.square(p.grad)
        v_hat = v / (1 - beta1 ** hyperparams["t"])
        s_hat = s / (1 - beta2 ** hyperparams["t"])
        p[:] -= hyperparams["lr"] * v_hat / (np.sqrt(s_hat) + eps)
    hyperparams["t"] += 1


states = two_states(feature_dim)
d2l.train_ch11(adam, states, {"lr": 0.01, "t": 1}, data_iter, feature_dim)
d2l.train_concise_ch11("adam", {"learning_rate": 0.01}, data_iter)
# %% learning-rate scheduling
device = d2l.try_gpu()
scheduler = lr_scheduler.MultiFactorScheduler(step=[15, 30], factor=0.5, base_lr=0.5)
d2l.plot(np.arange(40), [scheduler(t) for t in range(40)])
animator = d2l.Animator(
    xlabel="epoch", xlim=[0, 2], legend=["train loss", "train acc", "test acc"]
)
metric = d2l.Accumulator(3)
metric.add(np.array(2.0), 3, 4)
animator.add(1, (metric[0] / metric[2], metric[1] / metric[2], None))
animator.add(2, (None, None, np.array(0.5)))
assert animator.Y == [[0.5], [0.75], [0.5]]
