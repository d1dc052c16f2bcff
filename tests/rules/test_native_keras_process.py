"""What Keras and TensorFlow do in a process of their own, once d2lopt is imported.

Each test starts one: it is about an import, a setting of the environment, or devices,
none of which can change in a process that runs already.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)


@pytest.fixture
def run(backend, tmp_path):
    """Run a script in a new process; its output, once it has ended without an error."""
    if backend != "tensorflow":
        pytest.skip("what TensorFlow alone can do")

    def run(code, **environment):
        path = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")])
        script = tmp_path / "script.py"
        script.write_text(code)  # in a file: AutoGraph reads the source
        ended = subprocess.run(
            [sys.executable, script],
            env=os.environ | environment | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return ended.stdout

    return run


# ------------------------------------------------------------------------- the import


def test_autograph_reads_a_function_of_the_user_s(run):
    code = """
import d2lopt.tensorflow, tensorflow as tf
@tf.function
def size(x):
    if x > 0:
        return x
    return -x
print(float(size(tf.constant(-3.0))))
"""
    assert run(code) == "3.0\n"


def test_modules_can_be_listed_and_looked_into(run):
    """`inspect` and `unittest` look into every module that is loaded."""
    code = """
import d2lopt.tensorflow, inspect, unittest, warnings
inspect.stack()
def f(): warnings.warn("x")
assert inspect.getmodule(f).__name__ == "__main__"
unittest.TestCase().assertWarns(UserWarning, f)
"""
    run(code)


def test_nothing_is_put_off_hidden_or_replaced_for_others(run):
    """What TensorFlow loads when it is imported by itself is loaded here, as it is."""
    listed = """
import importlib.util, json, sys
lazy = [n for n, m in sys.modules.items() if type(m) is importlib.util._LazyModule]
print(json.dumps([sorted(n for n, m in sys.modules.items() if m), lazy]))
"""
    ours, lazy = json.loads(run("import d2lopt.tensorflow" + listed))
    alone, _ = json.loads(run("import tensorflow as tf; tf.keras.optimizers" + listed))
    assert set(alone) - set(ours) == set()
    assert lazy == []


# ------------------------------------------------------------------------ what Keras is


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_keras_on_another_framework_is_refused_in_a_sentence(run, name):
    """The lessons from scratch need no Keras, and run."""
    code = """
from d2lopt import tensorflow as d2l
from d2lopt.errors import InputError
w = d2l.variable(d2l.ones(2))
d2l.rmsprop([w], [w], [d2l.variable(w)], {"lr": 0.1, "gamma": 0.9})
for f in (lambda: d2l.optimizer(d2l.sgd, lr=0.1), lambda: d2l.linear(w, w)):
    try:
        f()
    except InputError as error:
        print(error)
"""
    said = run(code, KERAS_BACKEND=name)
    assert said.count(f"Keras computes with {name} in this process: start Python") == 2


# --------------------------------------------------------------------------- devices

MIRRORED = """
import warnings
import numpy as np, tensorflow as tf
from d2lopt import tensorflow as d2l
from keras_models import *

keras = tf.keras
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
one = tf.distribute.get_strategy()
"""


def test_a_model_on_two_devices_is_trained_as_on_one(run):
    code = """
def on(strategy, rule, **hyperparams):
    with strategy.scope():
        opt = d2l.optimizer(rule, **hyperparams)
        opt.exclude_from_weight_decay(var_names=["bias"])
        return fitted(keras, opt)

for rule, numbers in ((d2l.adamw, GIVEN["adamw"]), (CHAIN, CHAIN_NUMBERS)):
    assert_same_weights(on(mirrored, rule, **numbers), on(one, rule, **numbers))
"""
    run(MIRRORED + code)


def test_steps_are_counted_on_two_devices(run):
    """The first step builds, and not every step has a gradient for all."""
    code = """
warnings.simplefilter("ignore")
found = []
for make in (
    lambda: d2l.optimizer(d2l.adam, **ADAM),
    lambda: keras.optimizers.Adam(0.01, 0.9, 0.999, epsilon=1e-12),
):
    with mirrored.scope():
        opt, (kernel, bias) = make(), variables(keras, [1.0, 2.0], [1.0, 2.0])
        for g in (None, tf.constant([3.0, -1.0]), None):
            grads = [(tf.constant([1.0, 2.0]), kernel), (g, bias)]
            mirrored.run(lambda: opt.apply_gradients(grads))
    found.append([*kernel.numpy(), *bias.numpy()])
np.testing.assert_allclose(*found, rtol=1e-4)
"""
    run(MIRRORED + code)


def test_options_of_keras_on_two_devices(run):
    """As in Keras' own tests of this strategy."""
    code = """
for options in (
    {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 2},
    {"weight_decay": 0.1, "clipvalue": 0.5},
):
    found = []
    for make in (
        lambda: d2l.optimizer(d2l.rmsprop, **RMSPROP, **options),
        lambda: own_rmsprop(keras, **options),
    ):
        with mirrored.scope():
            opt, (kernel,) = make(), variables(keras, [1.0, 2.0])
            for i in range(5):
                grads = [(tf.constant([1.0, i - 2.0]), kernel)]
                mirrored.run(lambda: opt.apply_gradients(grads))
        found.append(kernel.numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)
"""
    run(MIRRORED + code)
