"""What is here: frameworks that are missing, broken or without a wheel; cores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import d2lopt
from d2lopt.backend import environment, load
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import BrokenBackend, InputError, MissingBackend

PACKAGE = Path(d2lopt.__file__).parent


def test_an_unknown_backend_names_the_near_one():
    with pytest.raises(InputError, match=r"'tensorlow'\. Did you mean 'tensorflow'\?"):
        load("tensorlow")


@pytest.mark.processes
@pytest.mark.parametrize("form", ["from d2lopt import torch", "d2lopt.load('torch')"])
@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (
            "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')",
            MissingBackend,
            ["PyTorch is not installed", "pip install", "'torch>="],
        ),
        (
            "raise OSError('libgomp.so.1: cannot open shared object file')",
            BrokenBackend,
            ["PyTorch", "is installed but", "OSError: libgomp.so.1"],
        ),
        (
            "import no_such_package",
            BrokenBackend,
            ["ModuleNotFoundError: No module named 'no_such_package'"],
        ),
    ],
)
def test_missing_and_broken_frameworks_are_told_apart(
    tmp_path, form, body, error, words
):
    """A file in the way of the real package stands for one that is gone or damaged."""
    (tmp_path / "torch.py").write_text(body)
    code = f"""
import sys, d2lopt
sys.path.insert(0, {str(tmp_path)!r})
try:
    {form}
except ImportError as error:
    print(type(error).__name__, error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.startswith(error.__name__), run.stderr
    for word in words:
        assert word in run.stdout


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"python_version": "3.13"},
        {"platform_machine": "aarch64"},
        {"sys_platform": "darwin"},
    ],
)
def test_a_platform_without_a_wheel_is_the_reason(elsewhere):
    reason = environment.unavailable("mxnet", elsewhere)
    assert reason.startswith("MXNet has no wheel for Python ")
    assert "python_version" in reason


def test_here_every_framework_has_a_wheel():
    here = {
        "python_version": "3.11",
        "platform_machine": "x86_64",
        "sys_platform": "linux",
    }
    assert [environment.unavailable(name, here) for name in FRAMEWORKS] == [None] * len(
        FRAMEWORKS
    )


def test_the_pip_command_names_what_the_extra_names():
    command = environment.pip_command("mxnet")
    assert "mxnet==1.9.1" in command
    assert "pip install" in command
    assert "--force-reinstall" in environment.pip_command("mxnet", mend=True)


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux can do this")
def test_cores_are_those_that_this_process_may_use():
    """Wherever they are counted: for a comparison, large parameters, a lab."""
    code = """
import os
os.cpu_count = lambda: 64  # a large machine, of which this process has one core
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from d2lopt.backend import environment, processes
from d2lopt.cli.lab import grade
from d2lopt.fuse import loops
threads = []
async def one(backend, stream):
    threads.append(stream.keywords["threads"])
processes.all_at_once(["numpy", "numpy"], one)
context = grade.make_context("grade", ["x", "--lab", "rmsprop"])
print(environment.cores(), loops.threads(), *threads, context.params["jobs"])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.split() == ["1", "1", "1", "1", "1"], run.stderr


def test_cores_are_counted_in_one_place():
    files = PACKAGE.glob("**/*.py")
    found = [path for path in files if "cpu_count" in path.read_text()]
    assert [path.name for path in found] == ["environment.py"]
