"""The order of the house: where frameworks are named, and what an import brings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from d2lopt.backend import environment
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import BrokenBackend, InputError, MissingBackend

ROOT = Path(__file__).parents[1]
WORDS = {
    word
    for name, framework in FRAMEWORKS.items()
    if name != "numpy"
    for word in (name, framework.module, framework.title.lower())
} | {"keras", "gluon"}


def files_of(name: str) -> list[Path]:
    """The framework's own package."""
    return [*ROOT.glob(f"d2lopt/{name}/*.py")]


def code_of(path: Path) -> str:
    """The file without its comments and docstrings: what runs."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'"""(.|\n)*?"""', "", text)
    return "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())


PORTABLE = [
    path
    for folder in ("d2lopt", "chapters")
    for path in sorted((ROOT / folder).glob("**/*.py"))
    if path.parent.name not in FRAMEWORKS
    and path.relative_to(ROOT).as_posix()
    not in (
        "d2lopt/__init__.py",  # what an editor knows of them
        "d2lopt/backend/frameworks.py",
        "d2lopt/conventions/table.py",
    )
]


@pytest.mark.parametrize("path", PORTABLE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_framework_is_named_outside_its_module(path):
    found = {w for w in WORDS if re.search(rf"\b{w}\b", code_of(path), re.I)}
    assert found == set()


def own_words(name):
    """What a framework's own files may say."""
    framework = FRAMEWORKS[name]
    own = {name, framework.module, framework.title.lower()}
    return own | {"mxnet": {"gluon"}, "tensorflow": {"keras"}}.get(name, set())


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_names_itself_only(name):
    for path in files_of(name):
        if path.name == "sparing.py":  # it keeps another from being imported
            continue
        words, code = WORDS - own_words(name), code_of(path)
        assert {w for w in words if re.search(rf"\b{w}\b", code, re.I)} == set(), path


def test_the_grep_would_find_one(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('if d2l.name == "torch":  # or mxnet\n    pass\n')
    assert "torch" in code_of(path)
    assert "mxnet" not in code_of(path)


def test_the_rooms_that_must_be_portable_are_looked_at():
    looked_at = {p.relative_to(ROOT).as_posix() for p in PORTABLE}
    assert {
        "d2lopt/rules/optimizers.py",
        "d2lopt/train/scratch.py",
        "d2lopt/cli/run.py",
        "chapters/rmsprop.py",
    } <= looked_at


def test_no_backend_is_told_apart_by_its_name():
    for path in PORTABLE:
        assert not re.search(r"\b(d2l|backend)\.name\s*(==|!=|in\b)", code_of(path)), (
            path
        )


COMPUTING = [
    path
    for folder in ("train", "rules", "fuse")
    for path in sorted((ROOT / "d2lopt" / folder).glob("**/*.py"))
]


@pytest.mark.parametrize("path", COMPUTING, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_computes_prints_nothing_and_draws_nothing(path):
    code = code_of(path)
    assert not re.search(r"\bprint\(", code)
    imported = re.findall(r"^\s*(?:from|import)\s+(.*)", code, re.M)
    assert not re.search(r"\b(show|book|matplotlib)\b", "\n".join(imported))


def test_the_packages_that_compute_are_looked_at():
    assert {p.parent.name for p in COMPUTING} == {"train", "rules", "fuse"}


def test_framework_modules_are_thin():
    for name in FRAMEWORKS:
        files = files_of(name)
        assert files
        for path in files:
            assert len(path.read_text().splitlines()) < 300, path


HEAVY = sorted(
    {f.module for f in FRAMEWORKS.values()} | {"matplotlib", "keras", "pooch"}
)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import d2lopt", set()),
        ("import d2lopt.rules, d2lopt.conventions", set()),
        ("from d2lopt.cli import main; main(['--help'], standalone_mode=False)", set()),
        ("from d2lopt import numpy", {"numpy"}),
        ("import d2lopt; d2lopt.load('numpy')", {"numpy"}),
    ],
)
def test_an_import_brings_no_framework_that_was_not_asked_for(statement, allowed):
    code = f"{statement}\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert eval(run.stdout.splitlines()[-1]) == sorted(allowed)


# ------------------------------------------------------------- what is missing, and why


def test_an_unknown_attribute_is_an_attribute_error():
    import d2lopt

    with pytest.raises(AttributeError, match="tensorlow"):
        _ = d2lopt.tensorlow


def test_an_unknown_backend_names_the_near_one():
    from d2lopt.backend.load import load

    with pytest.raises(InputError, match=r"'tensorlow'\. Did you mean 'tensorflow'\?"):
        load("tensorlow")


def stub(folder: Path, name: str, body: str) -> None:
    (folder / f"{name}.py").write_text(body)


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
    stub(tmp_path, "torch", body)
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


def test_every_backend_has_an_extra_a_module_and_a_place_in_all():
    text = (ROOT / "pyproject.toml").read_text()
    everything = re.search(r"all = \[\"d2lopt\[(.*?)\]\"\]", text).group(1).split(",")
    assert ["numpy", *everything] == list(FRAMEWORKS)
    for name in FRAMEWORKS:
        assert files_of(name)
        assert environment.requirements(name) or name == "numpy"
