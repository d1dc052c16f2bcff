"""JAX's 64-bit types are the user's to switch on, or come with a request for float64.

Each test starts a process of its own: what is switched on stays on.
"""

import subprocess
import sys

import pytest

from d2lopt.backend.frameworks import FRAMEWORKS


@pytest.fixture
def run(backend):
    """Run a script in a new process; its output, once it has ended without an error."""
    if backend != "jax":
        pytest.skip(f"what {FRAMEWORKS['jax'].title} alone has")

    def run(code):
        code = "import jax, jax.numpy as jnp\nfrom d2lopt import jax as d2l\n" + code
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return ended.stdout.split()

    return run


RULES_IN_FLOAT32 = """
from d2lopt.rules import RULES
from d2lopt.train import from_scratch
data_iter, feature_dim = d2l.get_data_ch11(100, source="stand-in", quiet=True)
def train(name):
    numbers = {**RULES[name].hyperparams}
    curve = from_scratch(d2l, getattr(d2l, name), None, numbers, data_iter, feature_dim)
    print(float(curve.losses[-1]).hex())
    step, p = d2l.compiled(RULES[name]), d2l.variable(d2l.ones(3))
    states = RULES[name].init_states(d2l, [p])
    for _ in range(3):
        step([p], [0.1 * d2l.ones(3)], states, numbers)
    print(float(p[0]).hex())
for name in ("rmsprop", "adam", "adamw"):
    train(name)
"""


def test_the_import_switches_nothing_on(run):
    code = "print(jax.config.jax_enable_x64, jnp.arange(3).dtype, jnp.ones(3).dtype)"
    assert run(code) == ["False", "int32", "float32"]


def test_what_is_float32_is_as_exact_without_them(run):
    """Bit for bit: hyperparameters that a program takes are numbers of 64 bits."""
    off = run(RULES_IN_FLOAT32 + "print(jax.config.jax_enable_x64)")
    on = run("jax.config.update('jax_enable_x64', True)" + RULES_IN_FLOAT32)
    assert off == [*on, "False"]


@pytest.mark.parametrize(
    "request_",
    [
        "d2l.tensor([0.1], 'float64')",
        "d2l.zeros(1, dtype='float64')",
        "d2l.ones(1, dtype=d2l.float64)",
        "d2l.arange(3, dtype='float64')",
        "d2l.astype(d2l.ones(1), d2l.float64)",
        "next(iter(d2l.get_data_ch11(source='stand-in', dtype='float64')[0]))[0]",
    ],
)
def test_float64_on_request(run, request_):
    code = f"x = {request_}\nprint(x.dtype, (x + 1).dtype, jnp.sqrt(x).dtype)"
    assert run(code)[-3:] == ["float64"] * 3


def test_a_native_optimizer_leaves_them_as_they_are(run):
    code = """
opt = d2l.optimizer(d2l.adam, lr=0.1, beta1=0.9, beta2=0.999)
p = jnp.ones(3)
for size in (3, 1_000_001):
    p = jnp.ones(size)
    state = opt.init(p)
    for update in (opt.update, jax.jit(opt.update)):
        u, new = update(p, state, p)
        print(u.dtype, *{x.dtype.name for x in jax.tree.leaves(new.states)})
print(jax.config.jax_enable_x64)
"""
    assert run(code) == ["float32", "float32"] * 4 + ["False"]


def test_what_is_compiled_may_be_part_of_a_program(run):
    code = """
from d2lopt.rules import RULES
step, g = d2l.compiled(RULES["rmsprop"]), 0.5 * jnp.ones(3)
def train(x):
    p, s = d2l.variable(x), d2l.variable(d2l.zeros(3))
    step([p], [g], [s], {"lr": 0.1, "gamma": 0.999})
    return p.value
print(abs(jax.jit(train)(jnp.ones(3)) - train(jnp.ones(3))).max() < 1e-6)
"""
    assert run(code) == ["True"]
