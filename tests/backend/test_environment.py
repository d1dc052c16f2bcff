"""A framework that is not here: missing, broken and without a wheel are told apart."""

import subprocess
import sys

import pytest

from d2lopt.backend import environment, load
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import BrokenBackend, InputError, MissingBackend


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
