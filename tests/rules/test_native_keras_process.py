"""What Keras and TensorFlow do in a process of their own, once d2lopt is imported.

Each test starts one: it is about an import, a setting of the environment, or devices,
none of which can change in a process that runs already.
"""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def run(backend, tmp_path):
    """Run a script in a new process; its output, once it has ended without an error."""
    if backend != "tensorflow":
        pytest.skip("what TensorFlow alone can do")

    def run(code, **environment):
        script = tmp_path / "script.py"
        script.write_text(code)  # in a file: AutoGraph reads the source
        ended = subprocess.run(
            [sys.executable, script],
            env=os.environ | environment,
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
