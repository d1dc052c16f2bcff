"""Correct rules, each written in another way.

RIGHT lists (rule, style, text, backends), the last None for all of them. Each text
defines `rule`, in the names `d2l` and `np`; a framework's own functions are at hand as
`own`.
"""

IN_PLACE = ("numpy", "torch", "mxnet", "jax")  # x[:] = … changes the variable
OPERATORS = ("numpy", "torch", "mxnet")  # so does x -= …
COPY = ("torch", "paddle")
ALL = None

RIGHT = [
    # ------------------------------------------------------------------------- sgd
    ("sgd", "assign", """
def rule(params, grads, states, hyperparams):
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)
""", ALL),
    ("rmsprop", "all hyperparameters by keyword", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        step(p, g, s, **hyperparams)
def step(p, g, s, lr, gamma):
    d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
    d2l.assign(p, p - lr * g / d2l.sqrt(s + 1e-6))
""", ALL),
    ("rmsprop", "all hyperparameters in a row", """
def rule(params, grads, states, hyperparams):
    lr, gamma = hyperparams.values()
    assert set(hyperparams) == {"lr", "gamma"}
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - lr * g / d2l.sqrt(s + 1e-6))
""", ALL),
    ("adam", "all hyperparameters by keyword", """
def rule(params, grads, states, hyperparams):
    step(params, grads, states, **hyperparams)
    hyperparams["t"] += 1
def step(params, grads, states, lr, t):
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * d2l.square(g))
        v_hat, s_hat = v / (1 - 0.9**t), s / (1 - 0.999**t)
        d2l.assign(p, p - lr * v_hat / (d2l.sqrt(s_hat) + 1e-6))
""", ALL),
    ("sgd", "operators", """
def rule(params, grads, states, hyperparams):
    for p, g in zip(params, grads):
        p -= hyperparams["lr"] * g
""", OPERATORS),
    ("sgd", "a slice of each", """
def rule(weights, slopes, _, h):
    for i in range(len(weights)):
        weights[i][:] = weights[i] - h["lr"] * slopes[i]
""", IN_PLACE),
    ("sgd", "the variable's own assign", """
def rule(params, grads, states, hyperparams):
    for p, g in zip(params, grads):
        p.assign_sub(hyperparams["lr"] * g)
""", ("tensorflow",)),
    ("sgd", "pure", """
def rule(params, grads, states, hyperparams):
    return [p - hyperparams["lr"] * g for p, g in zip(params, grads)]
""", ALL),
    ("sgd", "pure, a list comprehension and states of none", """
def rule(params, grads, states, hyperparams):
    new = [p - g * hyperparams.get("lr", 0.1) for p, g in zip(params, grads)]
    return new, states
""", ALL),
    ("sgd", "book form", """
def rule(params, states, hyperparams):
    for p in params:
        d2l.assign(p, p - hyperparams["lr"] * p.grad)
""", ALL),
    ("sgd", "clears what it read", """
def rule(params, states, hyperparams):
    with own.no_grad():
        for p in params:
            p[:] -= hyperparams["lr"] * p.grad
            p.grad.data.zero_()
""", ("torch",)),
    # -------------------------------------------------------------------- momentum
    ("momentum", "the rate in the velocity", """
def rule(params, grads, states, hyperparams):
    for p, g, v in zip(params, grads, states):
        d2l.assign(v, hyperparams["momentum"] * v + hyperparams["lr"] * g)
        d2l.assign(p, p - v)
""", ALL),
    ("momentum", "the velocity points downhill", """
def rule(params, grads, states, hyperparams):
    for p, g, v in zip(params, grads, states):
        d2l.assign(v, hyperparams["momentum"] * v - hyperparams["lr"] * g)
        d2l.assign(p, p + v)
""", ALL),
    ("momentum", "by index, with w and b by name", """
def rule(params, grads, states, hyperparams):
    (w, b), (dw, db), (vw, vb) = params, grads, states
    d2l.assign(vw, hyperparams["momentum"] * vw + dw)
    d2l.assign(vb, hyperparams["momentum"] * vb + db)
    d2l.assign(w, w - hyperparams["lr"] * vw)
    d2l.assign(b, b - hyperparams["lr"] * vb)
""", ALL),
    ("momentum", "pure, both", """
def rule(params, grads, states, hyperparams):
    mu, lr = hyperparams["momentum"], hyperparams["lr"]
    states = [mu * v + g for v, g in zip(states, grads)]
    return [p - lr * v for p, v in zip(params, states)], states
""", ALL),
    ("momentum", "slices, book form", """
def rule(params, states, hyperparams):
    for p, v in zip(params, states):
        v[:] = hyperparams["momentum"] * v + p.grad
        p[:] = p - hyperparams["lr"] * v
""", IN_PLACE),
    # -------------------------------------------------------------------- nesterov
    ("nesterov", "with the velocity before", """
def rule(params, grads, states, hyperparams):
    mu, lr = hyperparams["momentum"], hyperparams["lr"]
    for p, g, v in zip(params, grads, states):
        d2l.assign(p, p - lr * ((1 + mu) * g + mu**2 * v))
        d2l.assign(v, mu * v + g)
""", ALL),
    # --------------------------------------------------------------------- adagrad
    ("adagrad", "ε read, with a default", """
def rule(params, grads, states, hyperparams):
    eps = hyperparams.get("eps", 1e-6)
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, s + g * g)
        d2l.assign(p, p - hyperparams["lr"] / d2l.sqrt(s + eps) * g)
""", ALL),
    ("adagrad", "a power of one half", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, s + g**2)
        d2l.assign(p, p - hyperparams["lr"] * g * (s + 1e-6) ** -0.5)
""", ALL),
    # --------------------------------------------------------------------- rmsprop
    ("rmsprop", "book form", """
def rule(params, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, s in zip(params, states):
        g = p.grad
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))
""", ALL),
    ("rmsprop", "book form, operators in place", """
def rule(params, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, s in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * d2l.square(p.grad)
        p[:] -= hyperparams["lr"] * p.grad / d2l.sqrt(s + eps)
""", OPERATORS),
    ("rmsprop", "the variable's own assign", """
def rule(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, g, s in zip(params, grads, states):
        s[:].assign(gamma * s + (1 - gamma) * own.math.square(g))
        p[:].assign(p - hyperparams["lr"] * g / own.math.sqrt(s + eps))
""", ("tensorflow",)),
    ("rmsprop", "in increments", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, s + (1 - hyperparams["gamma"]) * (g * g - s))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + 1e-6))
""", ALL),
    ("rmsprop", "copy_", """
def rule(params, grads, states, hyperparams):
    with own.no_grad():
        for p, g, s in zip(params, grads, states):
            s.copy_(hyperparams["gamma"] * s + (1 - hyperparams["gamma"]) * g * g, True)
            p.copy_(p - hyperparams["lr"] * g / own.sqrt(s + 1e-6), True)
""", COPY),
    ("rmsprop", "set_value", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        s.set_value(hyperparams["gamma"] * s + (1 - hyperparams["gamma"]) * g * g)
        p.set_value(p - hyperparams["lr"] * g / own.sqrt(s + 1e-6))
""", ("paddle",)),
    ("rmsprop", "fused operators", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        s.mul_(hyperparams["gamma"]).addcmul_(g, g, value=1 - hyperparams["gamma"])
        p.addcdiv_(g, (s + 1e-6).sqrt(), value=-hyperparams["lr"])
""", ("torch",)),
    ("rmsprop", "pure functions of the framework", """
def rule(params, grads, states, hyperparams):
    gamma = hyperparams["gamma"]
    states = [gamma * s + (1 - gamma) * own.square(g) for s, g in zip(states, grads)]
    steps = [g / own.sqrt(s + 1e-6) for g, s in zip(grads, states)]
    return [p - hyperparams["lr"] * u for p, u in zip(params, steps)], states
""", ("numpy", "torch", "mxnet", "paddle", "jax", "tensorflow")),
    ("rmsprop", "a reciprocal root", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, hyperparams["gamma"] * s + (1 - hyperparams["gamma"]) * g * g)
        scale = 1.0 / d2l.sqrt(s + 1e-6)
        d2l.assign(p, p - g * hyperparams["lr"] * scale)
""", ALL),
    ("rmsprop", "exp and log in the place of the root", """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, hyperparams["gamma"] * s + (1 - hyperparams["gamma"]) * g * g)
        d2l.assign(p, p - hyperparams["lr"] * g * d2l.exp(-0.5 * d2l.log(s + 1e-6)))
""", ALL),
    ("rmsprop", "a helper and other names", """
def average(old, new, share):
    return share * old + (1 - share) * new

def rule(theta, dtheta, memory, settings):
    for k, x in enumerate(theta):
        squares = average(memory[k], dtheta[k] ** 2, settings["gamma"])
        d2l.assign(memory[k], squares)
        d2l.assign(x, x - settings["lr"] * dtheta[k] / d2l.sqrt(memory[k] + 1e-6))
""", ALL),
    ("rmsprop", "a state in a tuple of its own", """
def rule(params, grads, states, hyperparams):
    gamma = hyperparams["gamma"]
    for p, g, (s,) in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + 1e-6))
""", ALL),
    ("rmsprop", "an extra state", """
def rule(params, grads, states, hyperparams):
    gamma = hyperparams["gamma"]
    for p, g, (s, last) in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(last, hyperparams["lr"] * g / d2l.sqrt(s + 1e-6))
        d2l.assign(p, p - last)
""", ALL),
    ("rmsprop", "half of it only in float32", """
def rule(params, grads, states, hyperparams):
    gamma = hyperparams["gamma"]
    for p, g, s in zip(params, grads, states):
        g = d2l.tensor(d2l.numpy(g), "float32")
        new = gamma * d2l.numpy(s) + (1 - gamma) * d2l.numpy(g) ** 2
        d2l.assign(s, d2l.tensor(new, str(d2l.numpy(s).dtype)))
        u = hyperparams["lr"] * d2l.numpy(g) / np.sqrt(d2l.numpy(s) + 1e-6)
        d2l.assign(p, d2l.tensor(d2l.numpy(p) - u, str(d2l.numpy(p).dtype)))
""", ALL),
    ("rmsprop", "numbers as tensors of the lesson's type", """
def rule(params, grads, states, hyperparams):
    gamma, eps = d2l.tensor(hyperparams["gamma"]), d2l.tensor(1e-6)
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))
""", ALL),
    ("rmsprop", "any number of arguments", """
def rule(*arguments):
    params, grads, states, h = arguments
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, h["gamma"] * s + (1 - h["gamma"]) * d2l.square(g))
        d2l.assign(p, p - h["lr"] * g / d2l.sqrt(s + h["eps"]))
""", ALL),
    ("rmsprop", "an object", """
class Rule:
    def __call__(self, params, grads, states, h):
        for p, g, s in zip(params, grads, states):
            d2l.assign(s, h["gamma"] * s + (1 - h["gamma"]) * d2l.square(g))
            d2l.assign(p, p - h["lr"] * g / d2l.sqrt(s + h["eps"]))

rule = Rule()
""", ALL),
    ("rmsprop", "all states first, then all parameters", """
def rule(params, grads, states, hyperparams):
    gamma = hyperparams["gamma"]
    for s, g in zip(states, grads):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
    for p, g, s in zip(params, grads, states):
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + 1e-6))
""", ALL),
    # -------------------------------------------------------------------- adadelta
    ("adadelta", "one root of a quotient", """
def rule(params, grads, states, hyperparams):
    rho, eps = hyperparams["rho"], 1e-5
    for p, g, (s, x) in zip(params, grads, states):
        d2l.assign(s, rho * s + (1 - rho) * d2l.square(g))
        d = d2l.sqrt((x + eps) / (s + eps)) * g
        d2l.assign(p, p - d)
        d2l.assign(x, x + (1 - rho) * (d * d - x))
""", ALL),
    # ------------------------------------------------------------------------ adam
    ("adam", "a step count among the hyperparameters", """
def rule(params, grads, states, hyperparams):
    beta1, beta2, eps, t = 0.9, 0.999, 1e-6, hyperparams["t"]
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(g))
        v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
        d2l.assign(p, p - hyperparams["lr"] * v_hat / (d2l.sqrt(s_hat) + eps))
    hyperparams["t"] += 1
""", ALL),
    ("adam", "book form, with a step count", """
def rule(params, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s) in zip(params, states):
        d2l.assign(v, beta1 * v + (1 - beta1) * p.grad)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(p.grad))
        v_hat = v / (1 - beta1 ** hyperparams["t"])
        s_hat = s / (1 - beta2 ** hyperparams["t"])
        d2l.assign(p, p - hyperparams["lr"] * v_hat / (d2l.sqrt(s_hat) + eps))
    hyperparams["t"] += 1
""", ALL),
    ("adam", "counting from nothing", """
def rule(params, grads, states, hyperparams):
    t = hyperparams["t"] = hyperparams.get("t", 0) + 1
    b1, b2 = hyperparams["beta1"], hyperparams["beta2"]
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, b1 * v + (1 - b1) * g)
        d2l.assign(s, b2 * s + (1 - b2) * g * g)
        u = v / (1 - b1**t) / (d2l.sqrt(s / (1 - b2**t)) + hyperparams["eps"])
        d2l.assign(p, p - hyperparams["lr"] * u)
""", ALL),
    ("adam", "a step count of its own", """
steps = 0

def rule(params, grads, states, hyperparams):
    global steps
    steps += 1
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * g * g)
        u = v / (1 - 0.9**steps) / (d2l.sqrt(s / (1 - 0.999**steps)) + 1e-6)
        d2l.assign(p, p - hyperparams["lr"] * u)
""", ALL),
    ("adam", "a step count among the states", """
def rule(params, grads, states, hyperparams):
    for p, g, (v, s, t) in zip(params, grads, states):
        d2l.assign(t, t + 1)
        n = float(d2l.numpy(t))
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * g * g)
        u = v / (1 - 0.9**n) / (d2l.sqrt(s / (1 - 0.999**n)) + 1e-6)
        d2l.assign(p, p - hyperparams["lr"] * u)
""", ALL),
    ("adam", "a number among the states", """
def rule(params, grads, states, hyperparams):
    for p, g, own_states in zip(params, grads, states):
        own_states[2] += 1
        v, s, n = own_states
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * g * g)
        u = v / (1 - 0.9**n) / (d2l.sqrt(s / (1 - 0.999**n)) + 1e-6)
        d2l.assign(p, p - hyperparams["lr"] * u)
""", ALL),
    ("adam", "averages of ones", """
def rule(params, grads, states, hyperparams):
    for p, g, (v, s, c1, c2) in zip(params, grads, states):
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * g * g)
        d2l.assign(c1, 0.9 * c1 + 0.1)
        d2l.assign(c2, 0.999 * c2 + 0.001)
        d2l.assign(p, p - hyperparams["lr"] * (v / c1) / (d2l.sqrt(s / c2) + 1e-6))
""", ALL),
    ("adam", "the corrections in the rate, ε with them", """
def rule(params, grads, states, hyperparams):
    t = hyperparams["t"]
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    lr = hyperparams["lr"] * c2**0.5 / c1
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, v + 0.1 * (g - v))
        d2l.assign(s, s + 0.001 * (g * g - s))
        d2l.assign(p, p - lr * v / (d2l.sqrt(s) + 1e-6 * c2**0.5))
    hyperparams["t"] = t + 1
""", ALL),
    ("adam", "the corrections in the rate, as the paper has it", """
def rule(params, grads, states, hyperparams):
    t = hyperparams["t"]
    lr = hyperparams["lr"] * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * g * g)
        d2l.assign(p, p - lr * v / (d2l.sqrt(s) + 1e-6))
    hyperparams["t"] = t + 1
""", ALL),
    ("adam", "pure, states and all", """
def rule(params, grads, states, hyperparams):
    t = hyperparams["t"]
    hyperparams["t"] += 1
    new, kept = [], []
    for p, g, (v, s) in zip(params, grads, states):
        v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g * g
        u = v / (1 - 0.9**t) / (d2l.sqrt(s / (1 - 0.999**t)) + 1e-6)
        new.append(p - hyperparams["lr"] * u)
        kept.append((v, s))
    return new, kept
""", ALL),
    # --------------------------------------------------------------- adamw and yogi
    ("adamw", "the decay as a factor", """
def rule(params, grads, states, hyperparams):
    t, lr = hyperparams["t"], hyperparams["lr"]
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, 0.999 * s + 0.001 * g * g)
        u = v / (1 - 0.9**t) / (d2l.sqrt(s / (1 - 0.999**t)) + 1e-6)
        d2l.assign(p, (1 - lr * hyperparams["weight_decay"]) * p - lr * u)
    hyperparams["t"] += 1
""", ALL),
    ("yogi", "taken away instead of added", """
def rule(params, grads, states, hyperparams):
    t = hyperparams["t"]
    for p, g, (v, s) in zip(params, grads, states):
        g2 = g * g
        d2l.assign(v, 0.9 * v + 0.1 * g)
        d2l.assign(s, s - 0.001 * d2l.sign(s - g2) * g2)
        u = v / (1 - 0.9**t) / (d2l.sqrt(s / (1 - 0.999**t)) + 1e-3)
        d2l.assign(p, p - hyperparams["lr"] * u)
    hyperparams["t"] += 1
""", ALL),
]  # fmt: skip
