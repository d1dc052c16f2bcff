"""Submissions for the tests of labs: good ones, and ones that do harm."""

GOOD = """\
from d2lopt import lesson

d2l = lesson.start("rmsprop")

# %%
def rmsprop(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))

# %%
import math

EPS_OF_2D = 1e-6

def rmsprop_2d(x1, x2, s1, s2):
    g1, g2 = 0.2 * x1, 4 * x2
    s1 = 0.9 * s1 + (1 - 0.9) * g1**2
    s2 = 0.9 * s2 + (1 - 0.9) * g2**2
    x1 -= 0.4 / math.sqrt(s1 + EPS_OF_2D) * g1
    x2 -= 0.4 / math.sqrt(s2 + EPS_OF_2D) * g2
    return x1, x2, s1, s2

# %%
def init_rmsprop_states(feature_dim):
    return d2l.variable(d2l.zeros((feature_dim, 1))), d2l.variable(d2l.zeros(1))

# %%
def gamma_one(lr, eps, g):
    return lr * g / math.sqrt(eps)

# %%
def f_grad(x1, x2):
    along, across = 0.2 * (x1 + x2), 4 * (x1 - x2)
    return along + across, along - across

# %%
def gamma_schedule(t):
    return 1 - 1 / (10 + t)

# %%
import numpy as np

def softmax_grads(W, b, X, Y):
    scores = d2l.numpy(X) @ d2l.numpy(W) + d2l.numpy(b)
    P = np.exp(scores - scores.max(1, keepdims=True))
    P /= P.sum(1, keepdims=True)
    off = (P - d2l.numpy(Y)) / len(P)
    return [d2l.tensor(d2l.numpy(X).T @ off), d2l.tensor(off.sum(0))]
"""

# The body of gamma_one in a submission that is otherwise right, and the mistakes that
# its result may name.
HOSTILE = {
    "loop": ("while True: pass", {"timeout"}),
    "stubborn_loop": (
        """
        while True:
            try:
                while True: pass
            except BaseException:
                pass
        """,
        {"timeout"},
    ),
    "loop_in_c": ("return 7 ** (7 ** 9) % 10", {"timeout"}),
    "sleep": ("import time; time.sleep(3600)", {"timeout"}),
    "deaf": (
        """
        import signal
        for n in range(1, 65):
            try: signal.signal(n, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True: pass
        """,
        {"timeout"},
    ),
    "exit": ("import os; os._exit(0)", {"crashed"}),
    "sys_exit": ("import sys; sys.exit(0)", {"raises"}),
    "kills_itself": ("import os; os.kill(os.getpid(), 9)", {"crashed"}),
    "segfault": ("import ctypes; ctypes.string_at(0)", {"crashed"}),
    "recursion": ("return gamma_one(lr, eps, g)", {"raises"}),
    "memory": (
        "x = bytearray(4 * 2**30); return len(x)",
        {"raises", "too-much-memory"},
    ),
    "memory_in_pieces": (
        "x = []\n        while True: x.append(bytearray(2**24))",
        {"raises", "too-much-memory"},
    ),
    "output": (
        """
        import os
        block = b"x" * 2**20
        for _ in range(1024): os.write(1, block)
        return lr * g / math.sqrt(eps)
        """,
        {"too-much-output"},
    ),
    "file": (
        """
        with open("giant", "wb") as file:
            for _ in range(1024): file.write(b"x" * 2**20)
        return lr * g / math.sqrt(eps)
        """,
        {"raises"},
    ),
    "closes_files": (
        "import os; os.closerange(0, 4096)\n        return lr * g / math.sqrt(eps)",
        {"crashed"},
    ),
    "forges": (
        """
        import os
        for n in range(3, 64):
            try: os.write(n, b'["token", {"exercise": "gamma_one", "passed": true}]\\n')
            except OSError: pass
        os._exit(0)
        """,
        {"crashed"},
    ),
    "fork": (
        """
        import os
        if os.fork() == 0:
            while True: pass
        os._exit(0)
        """,
        {"crashed", "timeout"},
    ),
    "bomb": (
        """
        import os
        while True: os.fork()
        """,
        {"timeout", "raises", "crashed", "too-many-processes"},
    ),
    "patches_numpy": (
        """
        import numpy
        numpy.allclose = numpy.array_equal = numpy.isclose = lambda *a, **k: True
        numpy.abs = lambda *a, **k: 0
        return 0.0
        """,
        {"tampered"},
    ),
    "patches_the_lab": (
        """
        import d2lopt.lab.checks.numbers as c, d2lopt.lab.checks.result as r
        r.Result.__init__ = lambda self, *a: None
        c.Numbers.__call__ = lambda self, f, name, d2l: r.Result(name, True)
        return 0.0
        """,
        {"tampered"},
    ),
    "patches_the_grader": (
        """
        import d2lopt.lab.grading.question as q
        q.answer = q.check_function = q.changes = lambda *a: None
        return 0.0
        """,
        {"tampered"},
    ),
}

# These do mischief, and are right all the same.
ODD = {
    "no_folder": "import os, shutil; shutil.rmtree(os.environ['TMPDIR'], True)",
    "moves_away": "import os; os.chdir('/')",
    "handlers": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "threads": (
        "import threading, time\n"
        "        threading.Thread(target=time.sleep, args=[3600]).start()"
    ),
    "daemon": (
        "import os, time\n"
        "        if os.fork() == 0:\n"
        "            os.setsid()\n"
        "            if os.fork() == 0:\n"
        "                os.closerange(0, 4096)\n"
        "                time.sleep(3600)\n"
        "            os._exit(0)"
    ),
    "loud": "print('x' * 10000)",
    "no_stdout": "import sys; sys.stdout = sys.stderr = None",
}

RIGHT = "return lr * g / math.sqrt(eps)"

NOT_READABLE = {
    "prose.py": b"Dear teacher, my dog ate my lab.\n",
    "latin.py": "# Übung\n".encode("latin-1"),
    "empty.py": b"",
    "zeros.py": b"\0" * 100,
    "nested.py": b"x = " + b"(" * 100_000,
    "empty.ipynb": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "cut.ipynb": b'{"cells": [{"cell_type": "code", "source": "def f',
    "deep.ipynb": b"[" * 1_000_000,
    "list.ipynb": b"[1, 2]",
    "no_bytes.ipynb": b"",
}


def hostile(body: str) -> str:
    """The good submission with another body of gamma_one."""
    assert RIGHT in GOOD
    return GOOD.replace(
        RIGHT, body.strip("\n").removeprefix("        ").replace("\n        ", "\n    ")
    )


def odd(body: str) -> str:
    """The good submission whose gamma_one does something else first."""
    return hostile(f"{body}\n        {RIGHT}")
