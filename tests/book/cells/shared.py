# ruff: noqa
"""The cells that are the same in every tab.

One runs where a tab's file has the line `# %% [shared] its title`, in the namespace of that
file: it uses `d2l`, `np` and what the cells before it have defined.
"""


# %% curves with notes
def annotate(text, xy, xytext):
    d2l.plt.gca().annotate(text, xy=xy, xytext=xytext, arrowprops=dict(arrowstyle="->"))


d2l.set_figsize((4.5, 2.5))
d2l.plot(x, [f(x), g(x)], "x", "risk")
annotate("the data's", (1.0, -1.2), (0.5, -1.1))
d2l.annotate("the true one", (1.1, -1.05), (0.95, -0.5))
assert len(d2l.plt.gca().texts) == 2
x = d2l.arange(-2.0, 2.0, 0.01)
d2l.plot(x, [x**3], "x", "f(x)")
x, y = d2l.meshgrid(d2l.linspace(-1.0, 1.0, 101), d2l.linspace(-1.0, 1.0, 101))
z = x**2 - y**2
ax = d2l.plt.figure().add_subplot(111, projection="3d")
ax.plot_wireframe(x, y, z, **{"rstride": 10, "cstride": 10})
ax.plot([0], [0], [0], "rx")
ticks = [-1, 0, 1]
d2l.plt.xticks(ticks)
d2l.plt.yticks(ticks)
ax.set_zticks(ticks)
d2l.plt.xlabel("x")
d2l.plt.ylabel("y")
x = d2l.arange(-2.0, 5.0, 0.01)
d2l.plot(x, [d2l.tanh(x)], "x", "f(x)")
# %% convexity
f = lambda x: 0.5 * x**2
g = lambda x: d2l.cos(np.pi * x)
h = lambda x: d2l.exp(0.5 * x)
x, segment = d2l.arange(-2, 2, 0.01), d2l.tensor([-1.5, 1])
d2l.use_svg_display()
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
for ax, func in zip(axes, [f, g, h]):
    d2l.plot([x, segment], [func(x), func(segment)], axes=ax)
assert [len(ax.lines) for ax in axes] == [2, 2, 2]
# %% gradient descent
c = d2l.tensor(0.5)


def f(x):
    return d2l.cosh(c * x)


def f_grad(x):
    return c * d2l.sinh(c * x)


def f_hess(x):
    return c**2 * d2l.cosh(c * x)


def newton(eta=1):
    x = 10.0
    results = [x]
    for _ in range(10):
        x -= eta * f_grad(x) / f_hess(x)
        results.append(float(x))
    print(f"epoch 10, x: {x:f}")
    return results


def show_trace(results, f):
    n = max(abs(min(results)), abs(max(results)))
    f_line = d2l.arange(-n, n, 0.1)
    d2l.set_figsize()
    d2l.plot(
        [f_line, results],
        [[f(x) for x in f_line], [f(x) for x in results]],
        "x",
        "f(x)",
        fmts=["-", "-o"],
    )


show_trace(newton(), f)


# %% gradient descent in two dimensions
def show_trace_2d(f, results):
    d2l.set_figsize()
    d2l.plt.plot(*zip(*results), "-o", color="#ff7f0e")
    x1, x2 = d2l.meshgrid(d2l.arange(-5.5, 1.0, 0.1), d2l.arange(-3.0, 1.0, 0.1))
    d2l.plt.contour(x1, x2, f(x1, x2), colors="#1f77b4")
    d2l.plt.xlabel("x1")


def f_2d(x1, x2):
    return x1**2 + 2 * x2**2


def f_2d_grad(x1, x2):
    return 2 * x1, 4 * x2


def gd_2d(x1, x2, s1, s2, f_grad):
    g1, g2 = f_grad(x1, x2)
    return x1 - eta * g1, x2 - eta * g2, 0, 0


eta = 0.1
show_trace_2d(f_2d, d2l.train_2d(gd_2d, f_grad=f_2d_grad))


# %% a learning rate that decays
def polynomial_lr():
    global t
    t += 1
    return (1 + 0.1 * t) ** (-0.5)


t, lr = 1, polynomial_lr
d2l.show_trace_2d(f_2d, d2l.train_2d(sgd, steps=50, f_grad=f_2d_grad))
# %% the address of the data
d2l.DATA_HUB["airfoil"] = (
    d2l.DATA_URL + "airfoil_self_noise.dat",
    "76e5be1548fd8222e5074cf0faae75edff8cf93f",
)


# %% batch sizes
def train_sgd(lr, batch_size, num_epochs=2):
    data_iter, feature_dim = get_data_ch11(batch_size)
    return train_ch11(sgd, None, {"lr": lr}, data_iter, feature_dim, num_epochs)


train_ch11(sgd, None, {"lr": 0.05}, *d2l.get_data_ch11(10))
gd_res = train_sgd(1, 1500, 10)
sgd_res = d2l.train_ch11(sgd, None, {"lr": 0.005}, *d2l.get_data_ch11(1))
mini1_res = train_sgd(0.4, 100)
mini2_res = train_sgd(0.05, 10)
d2l.set_figsize([6, 3])
d2l.plot(
    *list(map(list, zip(gd_res, sgd_res, mini1_res, mini2_res))),
    "time (sec)",
    "loss",
    xlim=[1e-2, 10],
    legend=["gd", "sgd", "batch size=100", "batch size=10"],
)
d2l.plt.gca().set_xscale("log")
assert len(d2l.plt.gca().lines) == 4

# %% momentum in two dimensions
eta, beta = 0.6, 0.5


def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def momentum_2d(x1, x2, v1, v2):
    v1 = beta * v1 + 0.2 * x1
    v2 = beta * v2 + 4 * x2
    return x1 - eta * v1, x2 - eta * v2, v1, v2


d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))
d2l.set_figsize()
for beta in [0.95, 0.9, 0.6, 0]:
    x = d2l.numpy(d2l.arange(40))
    d2l.plt.plot(x, beta**x, label=f"beta = {beta:.2f}")
d2l.plt.xlabel("time")
d2l.plt.legend()
assert len(d2l.plt.gca().lines) == 4
