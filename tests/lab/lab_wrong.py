"""Rules as students write them, and what they get wrong: by exchange of a line's words.

WRONG[rule] lists (mistake, what is replaced in the correct text, by what).
"""

RULES_TEXT = {
    "sgd": """\
def sgd(params, grads, states, hyperparams):
    lr = hyperparams["lr"]
    for p, g in zip(params, grads):
        d2l.assign(p, p - lr * g)
""",
    "momentum": """\
def momentum(params, grads, states, hyperparams):
    lr, mu = hyperparams["lr"], hyperparams["momentum"]
    for p, g, v in zip(params, grads, states):
        d2l.assign(v, mu * v + g)
        d2l.assign(p, p - lr * v)
""",
    "nesterov": """\
def nesterov(params, grads, states, hyperparams):
    lr, mu = hyperparams["lr"], hyperparams["momentum"]
    for p, g, v in zip(params, grads, states):
        d2l.assign(v, mu * v + g)
        d2l.assign(p, p - lr * (g + mu * v))
""",
    "adagrad": """\
def adagrad(params, grads, states, hyperparams):
    lr, eps = hyperparams["lr"], 1e-6
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, s + d2l.square(g))
        d2l.assign(p, p - lr * g / d2l.sqrt(s + eps))
""",
    "rmsprop": """\
def rmsprop(params, grads, states, hyperparams):
    lr, gamma, eps = hyperparams["lr"], hyperparams["gamma"], 1e-6
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - lr * g / d2l.sqrt(s + eps))
""",
    "adadelta": """\
def adadelta(params, grads, states, hyperparams):
    rho, eps = hyperparams["rho"], hyperparams["eps"]
    for p, g, (s, x) in zip(params, grads, states):
        d2l.assign(s, rho * s + (1 - rho) * d2l.square(g))
        d = d2l.sqrt(x + eps) / d2l.sqrt(s + eps) * g
        d2l.assign(x, rho * x + (1 - rho) * d2l.square(d))
        d2l.assign(p, p - d)
""",
    "adam": """\
def adam(params, grads, states, hyperparams):
    lr, b1, b2, eps = hyperparams["lr"], 0.9, 0.999, 1e-6
    t = hyperparams["t"]
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(v, b1 * v + (1 - b1) * g)
        d2l.assign(s, b2 * s + (1 - b2) * d2l.square(g))
        v_hat = v / (1 - b1**t)
        s_hat = s / (1 - b2**t)
        d2l.assign(p, p - lr * v_hat / (d2l.sqrt(s_hat) + eps))
    hyperparams["t"] = t + 1
""",
    "adamw": """\
def adamw(params, grads, states, hyperparams):
    lr, b1, b2, eps = hyperparams["lr"], 0.9, 0.999, 1e-6
    decay, t = hyperparams["weight_decay"], hyperparams["t"]
    for p, g, (v, s) in zip(params, grads, states):
        d2l.assign(p, p - lr * decay * p)
        d2l.assign(v, b1 * v + (1 - b1) * g)
        d2l.assign(s, b2 * s + (1 - b2) * d2l.square(g))
        v_hat = v / (1 - b1**t)
        s_hat = s / (1 - b2**t)
        d2l.assign(p, p - lr * v_hat / (d2l.sqrt(s_hat) + eps))
    hyperparams["t"] = t + 1
""",
    "yogi": """\
def yogi(params, grads, states, hyperparams):
    lr, b1, b2, eps = hyperparams["lr"], 0.9, 0.999, 1e-3
    t = hyperparams["t"]
    for p, g, (v, s) in zip(params, grads, states):
        g2 = d2l.square(g)
        d2l.assign(v, b1 * v + (1 - b1) * g)
        d2l.assign(s, s + (1 - b2) * d2l.sign(g2 - s) * g2)
        v_hat = v / (1 - b1**t)
        s_hat = s / (1 - b2**t)
        d2l.assign(p, p - lr * v_hat / (d2l.sqrt(s_hat) + eps))
    hyperparams["t"] = t + 1
""",
}

FOR = "    for p, "

_P = "d2l.assign(p, p - lr"
EVERYWHERE = [
    ("ascent", _P, "d2l.assign(p, p + lr"),
    ("learning-rate-missing", _P + " *", "d2l.assign(p, p - 1 *"),
    ("learning-rate-twice", _P + " *", "d2l.assign(p, p - lr * lr *"),
    ("parameter-rebound", _P, "p = (p - lr"),
    ("parameter-overwritten", _P, "d2l.assign(p, -lr"),
    ("only-first-parameter", "zip(params,", "zip(params[:1],"),
    ("gradients-exchanged", "grads", "reversed(list(grads))"),  # where they are read
    (
        "gradient-accumulates",
        FOR,
        "    global total\n"
        "    total = [a + g for a, g in zip(total or [0 * g for g in grads], grads)]\n"
        "    grads = total\n" + FOR,
    ),
    ("gradient-sign-only", FOR, "    grads = [d2l.sign(g) for g in grads]\n" + FOR),
    ("gradient-sign-lost", FOR, "    grads = [d2l.abs(g) for g in grads]\n" + FOR),
    ("gradient-squared", FOR, "    grads = [d2l.square(g) for g in grads]\n" + FOR),
    ("learning-rate-divides", _P + " *", "d2l.assign(p, p - 1 / lr *"),
    ("not-implemented", "    lr", "    raise NotImplementedError\n    lr"),
    ("raises", FOR, "    no_such_name\n" + FOR),
    ("wrong-arguments", "grads, states, hyperparams):", "states):"),
]
SHARED = ("shared-state", "states):", "[states[0]] * len(params)):")

_ROOT = "d2l.sqrt(s + eps)"
OF_RMS = [
    ("epsilon-outside-root", _ROOT, "(d2l.sqrt(s) + eps)"),
    ("epsilon-missing", _ROOT, "d2l.sqrt(s)"),
    ("epsilon-other-value", "1e-6", "1e-8"),
    ("root-missing", _ROOT, "(s + eps)"),
    ("gradient-not-squared", "d2l.square(g)", "g"),
    ("state-rebound", "d2l.assign(s, ", "s = ("),
    ("gradient-missing-in-step", "lr * g", "lr"),
    ("quotient-inverted", "g / d2l", "g * d2l"),
    SHARED,
]

_MEAN = "d2l.assign(v, b1 * v + (1 - b1) * g)\n"
_SQUARE = "d2l.assign(s, b2 * s + (1 - b2) * d2l.square(g))\n"
OF_ADAM = [
    ("epsilon-inside-root", "(d2l.sqrt(s_hat) + eps)", "d2l.sqrt(s_hat + eps)"),
    ("epsilon-missing", "(d2l.sqrt(s_hat) + eps)", "d2l.sqrt(s_hat)"),
    ("root-missing", "d2l.sqrt(s_hat)", "s_hat"),
    ("bias-correction-missing", "v / (1 - b1**t)", "v"),
    ("bias-correction-missing", "s / (1 - b2**t)", "s"),
    ("step-count-stuck", '    hyperparams["t"] = t + 1\n', ""),
    (
        "step-count-per-parameter",
        '    hyperparams["t"] = t',
        "        t += 1\n" * 1 + '    hyperparams["t"] = t - 1',
    ),
    ("power-missing", "**t", " * t"),
    ("state-not-updated", _MEAN, "pass\n"),
    ("state-rebound", "d2l.assign(", "X = ("),
    ("momentum-missing", "v_hat = v / (1 - b1**t)", "v_hat = g"),
    ("one-minus-gamma-missing", "(1 - b1) * g", "g"),
    ("gamma-swapped", "b1 * v + (1 - b1) * g", "(1 - b1) * v + b1 * g"),
    ("beta-swapped", "0.9, 0.999", "0.999, 0.9"),
    SHARED,
]
OF_ADAM_SQUARE = [
    ("gradient-not-squared", "d2l.square(g)", "g"),
    ("gamma-swapped", "b2 * s + (1 - b2)", "(1 - b2) * s + b2"),
    ("one-minus-gamma-missing", "(1 - b2) * d2l", "d2l"),
    ("state-not-updated", _SQUARE, "pass\n"),
]

_V, _STEP = "d2l.assign(v, mu * v + g)\n", "d2l.assign(p, p - lr * v)\n"
_S = "d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))\n"
_RMS_STEP = "d2l.assign(p, p - lr * g / d2l.sqrt(s + eps))\n"
_GAP = " " * 8
OF_VELOCITY = [
    ("state-not-updated", _V, "pass\n"),
    ("state-rebound", _V, "v = mu * v + g\n"),
    ("momentum-missing", "mu * v + g)", "g * 1)"),
    ("leaky-average", "mu * v + g)", "mu * v + (1 - mu) * g)"),
    ("gamma-swapped", "mu * v + g)", "(1 - mu) * v + mu * g)"),
    ("gamma-missing", "mu * v + g)", "v + g)"),
    SHARED,
]

WRONG = {
    "sgd": [
        *EVERYWHERE,
        ("gradient-missing", "lr * g", "lr"),
        ("parameter-multiplied", "p - lr * g", "p * (1 - lr * g)"),
    ],
    "momentum": [
        *EVERYWHERE,
        *OF_VELOCITY,
        ("stale-state", _V + _GAP + _STEP, _STEP + _GAP + _V),
        ("looks-ahead", "lr * v)", "lr * (g + mu * v))"),
    ],
    "nesterov": [
        *EVERYWHERE,
        *OF_VELOCITY,
        ("looks-ahead-missing", "(g + mu * v)", "v"),
        (
            "stale-state",
            _V + _GAP + "d2l.assign(p, p - lr * (g + mu * v))\n",
            "d2l.assign(p, p - lr * (g + mu * v))\n" + _GAP + _V,
        ),
    ],
    "adagrad": [
        *EVERYWHERE,
        *OF_RMS,
        ("state-not-updated", "d2l.assign(s, s + d2l.square(g))", "pass"),
        ("past-forgotten", "s + d2l.square(g)", "d2l.square(g)"),
        ("leaky-average", "s + d2l.square(g)", "0.9 * s + 0.1 * d2l.square(g)"),
        (
            "stale-state",
            "d2l.assign(s, s + d2l.square(g))\n" + _GAP + _RMS_STEP,
            _RMS_STEP + _GAP + "d2l.assign(s, s + d2l.square(g))\n",
        ),
    ],
    "rmsprop": [
        *EVERYWHERE,
        *OF_RMS,
        ("state-not-updated", _S, "pass\n"),
        ("stale-state", _S + _GAP + _RMS_STEP, _RMS_STEP + _GAP + _S),
        ("gamma-swapped", "gamma * s + (1 - gamma)", "(1 - gamma) * s + gamma"),
        ("one-minus-gamma-missing", "(1 - gamma) * d2l", "d2l"),
        ("gamma-missing", "gamma * s + (1", "s + (1"),
        ("sum-for-average", "gamma * s + (1 - gamma) *", "s +"),
        ("hyperparameter-ignored", 'hyperparams["gamma"]', "0.9"),
    ],
    "adadelta": [
        *(e for e in EVERYWHERE if "lr" not in e[1]),
        ("ascent", "p - d)", "p + d)"),
        ("parameter-rebound", "d2l.assign(p, p - d)", "p = p - d"),
        ("parameter-overwritten", "p - d)", "-d)"),
        ("epsilon-outside-root", "d2l.sqrt(s + eps)", "(d2l.sqrt(s) + eps)"),
        ("epsilon-missing", "d2l.sqrt(s + eps)", "d2l.sqrt(s)"),
        ("epsilon-missing", " + eps", ""),
        ("root-missing", "d2l.sqrt(s + eps)", "(s + eps)"),
        ("gamma-swapped", "rho * s + (1 - rho)", "(1 - rho) * s + rho"),
        ("one-minus-gamma-missing", "(1 - rho) * ", ""),
        ("gradient-not-squared", "d2l.square(g)", "g"),
        ("delta-not-squared", "d2l.square(d)", "d"),
        (
            "delta-state-missing",
            "d2l.assign(x, rho * x + (1 - rho) * d2l.square(d))",
            "pass",
        ),
        ("delta-state-of-gradient", "d2l.square(d)", "d2l.square(g)"),
        ("delta-state-not-used", "d2l.sqrt(x + eps)", "1"),
        ("state-rebound", "d2l.assign(s, ", "s = ("),
        ("gradient-missing-in-step", " * g\n", "\n"),
        SHARED,
    ],
    "adam": [
        *EVERYWHERE,
        *OF_ADAM,
        *OF_ADAM_SQUARE,
        ("epsilon-outside-quotient", " / (d2l.sqrt(s_hat) + eps))",
         " / d2l.sqrt(s_hat) + eps)"),
        ("bias-correction-in-state", "v_hat = v / (1 - b1**t)",
         "d2l.assign(v, v / (1 - b1**t)); v_hat = v"),
    ],
    "adamw": [
        *(e for e in EVERYWHERE if _P not in e[1]),
        *(e for e in OF_ADAM if e[0] != "state-rebound"),
        *OF_ADAM_SQUARE,
        ("ascent", "p - lr * v_hat", "p + lr * v_hat"),
        ("learning-rate-missing", "p - lr * v_hat", "p - v_hat"),
        ("decay-in-gradient", "d2l.assign(p, p - lr * decay * p)", "g = g + decay * p"),
        ("decay-missing", "d2l.assign(p, p - lr * decay * p)", "pass"),
        ("decay-without-learning-rate", "lr * decay * p", "decay * p"),
        ("decay-sign", "p - lr * decay * p", "p + lr * decay * p"),
    ],
    "yogi": [
        *EVERYWHERE,
        *(e for e in OF_ADAM if e[0] != "beta-swapped"),
        ("sign-missing", "d2l.sign(g2 - s) * g2", "g2"),
        ("leaky-average", "s + (1 - b2) * d2l.sign(g2 - s) * g2",
         "b2 * s + (1 - b2) * g2"),
        ("sign-reversed", "g2 - s", "s - g2"),
        ("state-not-updated", "s + (1 - b2) * d2l.sign(g2 - s) * g2", "s * 1"),
        ("one-minus-gamma-missing", "(1 - b2) * d2l", "d2l"),
        ("epsilon-other-value", "1e-3", "1e-8"),
    ],
}  # fmt: skip


def texts(rule):
    """(mistake, text) of every wrong version."""
    right = RULES_TEXT[rule]
    for mistake, old, new in WRONG[rule]:
        if mistake == "gradients-exchanged":
            old, new = "params, grads", "params, reversed(list(grads))"
            head, body = right.split("\n", 1)
            wrong = head + "\n" + body.replace(old, new)
        elif mistake == "state-rebound" and old == "d2l.assign(":
            wrong = right.replace("d2l.assign(v, ", "v = (")
            wrong = wrong.replace("d2l.assign(s, ", "s = (")
        elif mistake == "power-missing":
            wrong = right.replace("b1**t", "b1 * t").replace("b2**t", "b2 * t")
        else:
            wrong = right.replace(old, new)
        assert wrong != right, (rule, mistake)
        yield mistake, wrong
