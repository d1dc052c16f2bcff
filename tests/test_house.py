"""The order of the house: where frameworks are named, and what an import brings."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from d2lopt.backend import environment
from d2lopt.backend.frameworks import FRAMEWORKS

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
        words, code = WORDS - own_words(name), code_of(path)
        assert {w for w in words if re.search(rf"\b{w}\b", code, re.I)} == set(), path


def test_the_grep_would_find_one(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('if d2l.name == "torch":  # or mxnet\n    pass\n')
    assert "torch" in code_of(path)
    assert "mxnet" not in code_of(path)


def test_the_rooms_that_must_be_portable_are_looked_at():
    wanted = ("rules/optimizers", "train/scratch", "cli/main", "lab/checks/check")
    assert {ROOT / f"d2lopt/{name}.py" for name in wanted} <= set(PORTABLE)
    assert ROOT / "chapters/rmsprop.py" in PORTABLE


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


def test_every_backend_has_an_extra_a_module_and_a_place_in_all():
    text = (ROOT / "pyproject.toml").read_text()
    everything = re.search(r"all = \[\"d2lopt\[(.*?)\]\"\]", text).group(1).split(",")
    assert ["numpy", *everything] == list(FRAMEWORKS)
    for name in FRAMEWORKS:
        assert files_of(name)
        assert environment.requirements(name) or name == "numpy"


# ------------------------------------------------------------------------- public paths

RULES = "sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamw, yogi"
PIECES = (
    "Piece, Chain, ByLr, Times, ByRms, ByRootOfSum, ByTwoRms, ByMoments, Momentum, "
    "ClipByValue, ClipByNorm, ClipByGlobalNorm, ClipWeights, "
    "CoupledL2, CoupledL1, Decoupled"
)
SCHEDULES = "constant, factor, multi_factor, square_root, polynomial, cosine, warm_up"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("d2lopt", "load, numpy, errors, lesson, rules, pieces, schedules, lab"),
        ("d2lopt.errors", "InputError, MissingBackend, BrokenBackend, Diverged"),
        ("d2lopt.lesson", "start"),
        ("d2lopt.rules", f"RULES, Rule, find, as_rule, {RULES}"),
        ("d2lopt.pieces", PIECES),
        ("d2lopt.schedules", SCHEDULES),
        ("d2lopt.lab", "check, check_function, Result, digits"),
        ("d2lopt.lab.digits", "load"),
        ("d2lopt.backend", "load, compile_clock"),
        ("d2lopt.backend", "Backend, Tensor, Variable, State, Step"),
        ("d2lopt.train", "from_scratch, built_in"),
        ("d2lopt.conventions", "FRAMEWORKS, ALIASES, ROWS"),
        ("d2lopt.data", "load, description, Dataset"),
        ("d2lopt.data.fashion", "load"),
        ("d2lopt.book", "bind"),
        ("d2lopt.fuse", "compiled, for_size, at_address, LARGE"),
        ("d2lopt.sweep", "sweep_into"),
        ("d2lopt.cli", "main"),
    ],
)
def test_what_others_import_is_where_it_was(module, names):
    exec(f"from {module} import {names}", {})


def test_an_unknown_attribute_is_an_attribute_error():
    import d2lopt

    with pytest.raises(AttributeError, match="tensorlow"):
        _ = d2lopt.tensorlow


# --------------------------------------------------------------------------- docstrings

PACKAGES = sorted({path.parent for path in ROOT.glob("d2lopt/**/*.py")})


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_package_and_its_modules_say_what_they_are_for(folder):
    """A package in two sentences or so, a module in one."""
    texts = {
        path.name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        for path in folder.glob("*.py")
    }
    assert len(texts.get("__init__.py", "").split()) >= 8
    assert [name for name, text in texts.items() if len(text.split()) < 4] == []
