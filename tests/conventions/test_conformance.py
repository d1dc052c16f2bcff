"""Whether the table of conventions is what the frameworks compute."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions import conformance, show
from d2lopt.conventions.conformance import BASE, BOUNDS, cases, deviation
from d2lopt.conventions.table import CHECKED, ROWS, find_row
from d2lopt.conventions.traits import Builtin

EVERY_ROW = [(name, row) for name, rows in ROWS.items() for row in rows]


def rows_of(backend):
    if not ROWS[backend]:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    return ROWS[backend]


@pytest.mark.slow
def test_every_row_conforms(d2l, backend):
    found = []
    for row in rows_of(backend):
        for options in cases(row):
            found.append(conformance.examine(d2l, backend, row, options))
    assert [asdict(f) for f in found if not f.conforms] == []
    measured = [f for f in found if f.float32 is not None]
    assert len(measured) == len(found) > 10
    for f in found:
        if f.optimizer == "rmsprop":
            assert f.float32 <= 2e-6
            assert f.float64 is None or f.float64 <= 1e-12
        assert f.float64 is not None or "float64 fails" in f.message


WRONG = [
    ("ε moved", {}, lambda t: replace(t, eps_inside=not t.eps_inside)),
    (
        "decay coupled, or not",
        {"weight_decay": 0.1},
        lambda t: replace(t, decoupled=not t.decoupled),
    ),
    (
        "clip and decay exchanged",
        {"weight_decay": 0.1, "clip_value": 0.5},
        lambda t: replace(t, clip_first=not t.clip_first),
    ),
]


@pytest.mark.parametrize(
    ("what", "options", "change"), WRONG, ids=[w[0] for w in WRONG]
)
def test_a_wrong_convention_is_caught(d2l, backend, what, options, change):
    row = next(r for r in rows_of(backend) if r.kind == "rmsprop")
    settings = BASE["rmsprop"] | options
    if not row.can_express(settings):
        pytest.skip(f"{row.name} cannot do {options}")
    if row.traits.decoupled and "exchanged" in what:
        pytest.skip("decoupled decay does not meet the clipping")
    wrong = replace(row, traits=change(row.traits))
    assert deviation(d2l, row, settings, "float32") <= BOUNDS["float32"]
    assert deviation(d2l, wrong, settings, "float32") > 100 * BOUNDS["float32"]


def test_a_wrong_row_does_not_conform(d2l, backend):
    """And the survey says so: the finding's verdict comes from the numbers."""
    row = next(r for r in rows_of(backend) if r.kind == "adagrad")
    wrong = replace(
        row, traits=replace(row.traits, eps_inside=not row.traits.eps_inside)
    )
    assert conformance.examine(d2l, backend, row, {}).conforms
    assert not conformance.examine(d2l, backend, wrong, {}).conforms


@pytest.mark.parametrize(
    ("name", "row"), EVERY_ROW, ids=lambda x: getattr(x, "name", x)
)
def test_rows_are_measured_in_every_option_that_they_can_express(name, row: Builtin):
    measured = [set(options) for options in cases(row)]
    assert set() in measured
    free = row.options - set(BASE[row.kind]) - set(row.fixed) - {"lr"}
    assert free <= set().union(*measured) | set(row.defaults)


def test_words_are_the_frameworks_own():
    rmsprop = find_row("torch", "rmsprop")
    assert rmsprop.words({"lr": 0.1, "gamma": 0.9, "centered": True}) == {
        "lr": 0.1,
        "alpha": 0.9,
        "centered": True,
    }
    adamw = find_row("torch", "adamw")
    words = adamw.words({"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 0.0})
    assert words["betas"] == (0.8, 0.9)
    assert words["weight_decay"] == 0.0  # its default is not


# ------------------------------------------------------------------------ the command


def d2lopt(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "d2lopt", *arguments],
        capture_output=True,
        text=True,
        timeout=250,
        **more,
    )


@pytest.mark.slow
@pytest.mark.processes
def test_conformance_prints_json_with_versions():
    run = d2lopt("conformance", "--backends", "torch", "--optimizers", "sgd", "--json")
    assert run.returncode == 0, run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [f["options"] for f in found] == [{}, {"weight_decay": 0.1}]
    for f in found:
        assert f["version"].startswith(CHECKED["torch"])
        assert f["float64"] < 1e-12
        assert f["conforms"] is True


@pytest.mark.slow
@pytest.mark.processes
def test_conformance_prints_a_table_and_fails_if_a_process_does(tmp_path, monkeypatch):
    (tmp_path / "paddle.py").write_text("raise OSError('libpaddle.so: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    arguments = ["--backends", "torch,paddle", "--optimizers", "sgd"]
    run = d2lopt("conformance", *arguments)
    assert run.returncode == 1
    assert re.search(r"PyTorch .* sgd optim\.SGD .* yes", run.stdout)
    assert "libpaddle.so" in run.stdout


@pytest.mark.processes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backends", "tensrflow"], "Did you mean 'tensorflow'?"),
        (["--backends", "numpy"], "NumPy has no optimizer of its own"),
        (["--optimizers", "rmsprob"], "Did you mean 'rmsprop'?"),
    ],
)
def test_conformance_bad_input(arguments, words):
    run = d2lopt("conformance", *arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_an_unchecked_version_is_said_to_be_measured(capsys):
    finding = conformance.Finding(
        "torch", "9.9.9", "9.9.9", "2.13.0", "sgd", "optim.SGD", {}, 0.0, 0.0, True
    )
    show.conformance_table([finding]).print()
    text = capsys.readouterr().out
    assert "PyTorch 9.9.9 was never checked before (the table knows 2.13.0)" in text
    assert "measured, not known" in text
    known = replace(finding, optimizers_version="2.13.0+cpu")
    show.conformance_table([known]).print()
    assert "never checked" not in capsys.readouterr().out
