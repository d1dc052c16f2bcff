"""A small network that each framework trains by its own means, with `d2l.optimizer`.

`WAYS` has a class for each framework: a two-layer perceptron on the same numbers, with
the framework's own loop, schedule, saving and loading. `by_hand` trains it by the rule
alone, which is what the trained weights are held against.
"""

import pickle

import numpy as np

from d2lopt.rules import RULES, native, pieces
from d2lopt.rules.pieces import Chain

BATCHES = 5  # of 8 rows, an epoch


def numbers():
    """X, y and the weights w (in, out) and biases b of the perceptron."""
    rng = np.random.default_rng(11)
    X, y = rng.normal(size=(8 * BATCHES, 4)), rng.normal(size=(8 * BATCHES, 1))
    start = [rng.normal(size=s) / 2 for s in ((4, 6), (6,), (6, 1), (1,))]
    return X.astype("f4"), y.astype("f4"), [v.astype("f4") for v in start]


X, Y, START = numbers()
PAIRS = list(zip(X.reshape(BATCHES, 8, 4), Y.reshape(BATCHES, 8, 1), strict=True))

RMSPROP = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}
CHAIN = Chain(
    pieces.ClipByGlobalNorm(),
    pieces.CoupledL2(),
    pieces.ByRms(eps_inside=False, centered=True),
    pieces.Momentum(nesterov=True),
    pieces.ByLr(),
)
CHAIN_NUMBERS = RMSPROP | {
    "eps": 1e-3,
    "momentum": 0.5,
    "weight_decay": 0.1,
    "clip": 0.5,
}


def rule_and_numbers(d2l, name):
    return {"rmsprop": (d2l.rmsprop, RMSPROP), "chain": (CHAIN, CHAIN_NUMBERS)}[name]


EVERY_RULE = [*RULES, "chain", "mine"]


def any_rule(d2l, name):
    """A rule with its numbers: the library's, a chain, or a learner's own."""
    if name == "chain":
        return CHAIN, CHAIN_NUMBERS
    if name == "mine":

        def mine(params, grads, states, hyperparams):
            for p, g in zip(params, grads, strict=True):
                d2l.assign(p, p - hyperparams["lr"] * (g + d2l.square(g)))

        return mine, {"lr": 0.1}
    return getattr(d2l, name), dict(RULES[name].hyperparams)


def halving(t):
    """The rate after t steps that every framework's schedule below gives."""
    return 0.01 * 0.5 ** (t // 2)


# ------------------------------------------------------------- each framework's own way


class Torch:
    """Training as PyTorch does it; the other classes have the same functions."""

    def __init__(self, d2l, rule, schedule=False, settable=False, **hyperparams):
        import torch

        self.d2l, self.torch, nn = d2l, torch, torch.nn
        self.net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1))
        for p, start in zip(self.net.parameters(), START, strict=True):
            d2l.assign(p, torch.tensor(start.T))
        self.opt = d2l.optimizer(rule, **hyperparams)(self.net.parameters())
        self.schedule = torch.optim.lr_scheduler.StepLR(
            self.opt, 2 if schedule else 1000, 0.5
        )

    def epoch(self):
        for x, y in PAIRS:

            def closure(x=x, y=y):
                self.opt.zero_grad()
                out = self.net(self.torch.tensor(x))
                loss = self.torch.nn.functional.mse_loss(out, self.torch.tensor(y))
                loss.backward()
                return loss

            assert self.opt.step(closure) > 0
            self.schedule.step()

    def weights(self):
        return [p.detach().numpy().T for p in self.net.parameters()]

    def save(self, folder):
        parts = (self.net, self.opt, self.schedule)
        self.torch.save([p.state_dict() for p in parts], folder / "all.pt")

    def load(self, folder):
        states = self.torch.load(folder / "all.pt")
        for part, state in zip(
            (self.net, self.opt, self.schedule), states, strict=True
        ):
            part.load_state_dict(state)

    def rate(self):
        return self.opt.param_groups[0]["lr"]

    def set_rate(self, value):
        self.opt.param_groups[0]["lr"] = value


class Tensorflow:
    def __init__(self, d2l, rule, schedule=False, settable=False, **hyperparams):
        import tensorflow as tf

        self.keras = keras = tf.keras
        if schedule:
            hyperparams["lr"] = keras.optimizers.schedules.ExponentialDecay(
                0.01, 2, 0.5, staircase=True
            )
        dense = keras.layers.Dense
        self.model = keras.Sequential(
            [keras.layers.Input((4,)), dense(6, activation="relu"), dense(1)]
        )
        self.model.set_weights(START)
        made = d2l.optimizer(rule, **hyperparams)
        self.model.compile(optimizer=made, loss="mse")

    def epoch(self):
        self.model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)

    def weights(self):
        return self.model.get_weights()

    def save(self, folder):
        self.model.save(folder / "all.keras")

    def load(self, folder):
        self.model = self.keras.models.load_model(folder / "all.keras")

    def rate(self):
        return float(self.model.optimizer.learning_rate)

    def set_rate(self, value):
        self.model.optimizer.learning_rate = value


class Mxnet:
    def __init__(self, d2l, rule, schedule=False, settable=False, **hyperparams):
        import mxnet

        self.mxnet, self.d2l, gluon = mxnet, d2l, mxnet.gluon
        if schedule:
            hyperparams["lr"] = mxnet.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.01)
        self.net = gluon.nn.HybridSequential()
        self.net.add(gluon.nn.Dense(6, activation="relu", in_units=4))
        self.net.add(gluon.nn.Dense(1, in_units=6))
        self.net.initialize()
        self.net.hybridize()
        self.params = list(self.net.collect_params().values())
        for p, start in zip(self.params, START, strict=True):
            p.set_data(d2l.tensor(start.T))
        made = d2l.optimizer(rule, **hyperparams)
        self.trainer = gluon.Trainer(self.params, made)

    def epoch(self):
        for x, y in PAIRS:
            with self.mxnet.autograd.record():
                out = self.net(self.d2l.tensor(x))
                loss = self.d2l.square(out - self.d2l.tensor(y))
            loss.backward()
            self.trainer.step(len(x))  # the sum of the rows' losses over their number

    def weights(self):
        return [p.data().asnumpy().T for p in self.params]

    def save(self, folder):
        self.net.save_parameters(str(folder / "net"))
        self.trainer.save_states(str(folder / "trainer"))

    def load(self, folder):
        self.net.load_parameters(str(folder / "net"))
        self.trainer.load_states(str(folder / "trainer"))

    def rate(self):
        return self.trainer.learning_rate

    def set_rate(self, value):
        self.trainer.set_learning_rate(value)


class Jax:
    def __init__(self, d2l, rule, schedule=False, settable=False, **hyperparams):
        import jax
        import optax

        if schedule:
            hyperparams["lr"] = optax.exponential_decay(0.01, 2, 0.5, staircase=True)
        if settable:
            lr = hyperparams.pop("lr")
            made = optax.inject_hyperparams(
                lambda lr: d2l.optimizer(rule, lr=lr, **hyperparams)
            )(lr=lr)
        else:
            made = optax.chain(optax.identity(), d2l.optimizer(rule, **hyperparams))
        w1, b1, w2, b2 = (jax.numpy.array(v) for v in START)
        self.params = {"first": (w1, b1), "second": (w2, b2)}
        self.state = made.init(self.params)

        def loss(params, x, y):
            (w1, b1), (w2, b2) = params["first"], params["second"]
            out = jax.nn.relu(x @ w1 + b1) @ w2 + b2
            return ((out - y) ** 2).mean()

        @jax.jit
        def step(params, state, x, y):
            grads = jax.grad(loss)(params, x, y)
            updates, state = made.update(grads, state, params)
            return optax.apply_updates(params, updates), state

        self.step = step

    def epoch(self):
        for x, y in PAIRS:
            self.params, self.state = self.step(self.params, self.state, x, y)

    def weights(self):
        return [np.asarray(v) for layer in self.params.values() for v in layer]

    def save(self, folder):
        (folder / "all").write_bytes(pickle.dumps((self.params, self.state)))

    def load(self, folder):
        self.params, self.state = pickle.loads((folder / "all").read_bytes())

    def rate(self):
        return float(self.state.hyperparams["lr"])

    def set_rate(self, value):
        self.state.hyperparams["lr"] = value


class Paddle:
    def __init__(self, d2l, rule, schedule=False, settable=False, **hyperparams):
        import paddle

        self.paddle, self.d2l, nn = paddle, d2l, paddle.nn
        self.schedule = None
        if schedule:
            self.schedule = paddle.optimizer.lr.StepDecay(0.01, 2, 0.5)
            hyperparams["lr"] = self.schedule
        self.net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1))
        for p, start in zip(self.net.parameters(), START, strict=True):
            d2l.assign(p, d2l.tensor(start))
        opt = d2l.optimizer(rule, **hyperparams)
        self.opt = opt(parameters=self.net.parameters())

    def epoch(self):
        for x, y in PAIRS:
            out = self.net(self.d2l.tensor(x))
            loss = self.paddle.nn.functional.mse_loss(out, self.d2l.tensor(y))
            loss.backward()
            self.opt.minimize(loss)
            self.opt.clear_grad()
            if self.schedule is not None:
                self.schedule.step()

    def weights(self):
        return [p.numpy() for p in self.net.parameters()]

    def save(self, folder):
        self.paddle.save(self.net.state_dict(), str(folder / "net"))
        self.paddle.save(self.opt.state_dict(), str(folder / "opt"))

    def load(self, folder):
        self.net.set_state_dict(self.paddle.load(str(folder / "net")))
        self.opt.set_state_dict(self.paddle.load(str(folder / "opt")))

    def rate(self):
        return self.opt.get_lr()

    def set_rate(self, value):
        self.opt.set_lr(value)


WAYS = {c.__name__.lower(): c for c in (Torch, Tensorflow, Mxnet, Jax, Paddle)}


def by_hand(d2l, rule, hyperparams, epochs, rate=None):
    """The weights after the epochs, by the rule alone; `rate` is lr by steps done."""
    step, init_states, _ = native.rule_of(d2l, rule)
    params = [d2l.variable(d2l.tensor(v)) for v in START]
    states = init_states(d2l, params)

    def loss(params, x, y):
        w1, b1, w2, b2 = params
        z = d2l.matmul(x, w1) + b1
        out = d2l.matmul(d2l.maximum(z, d2l.zeros_like(z)), w2) + b2
        return d2l.mean(d2l.square(out - y))

    gradient = d2l.value_and_grad(loss)
    for t, (x, y) in enumerate(PAIRS * epochs):
        _, grads = gradient(params, d2l.tensor(x), d2l.tensor(y))
        now = {"lr": rate(t)} if rate else {}
        step(d2l, params, grads, states, {**hyperparams, **now})
    return [d2l.numpy(p) for p in params]


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
