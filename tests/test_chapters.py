"""The chapters as people run them: as scripts, on every backend, and as a notebook."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from d2lopt.conventions import FRAMEWORKS

CHAPTERS = Path(__file__).parents[1] / "chapters"
NAMES = sorted(path.stem for path in CHAPTERS.glob("*.py"))
FIGURES = {  # those of the built-in part last
    "rmsprop": ["weights", "valley", "scratch", "built-in"],
    "linear_regression": ["line", "path", "hover", "loss", "built-in"],
}


def run_chapter(name, *arguments, **more):
    return subprocess.run(
        [sys.executable, CHAPTERS / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        **more,
    )


def has_builtin(named):
    return FRAMEWORKS[named].native("rmsprop", {}) is not None


def figures_in(folder):
    return {path.name for path in folder.iterdir()}


def expected_figures(chapter, named):
    figures = FIGURES[chapter][: None if has_builtin(named) else -1]
    return {
        f"{chapter}-{named}-{figure}.{kind}"
        for figure in figures
        for kind in ("svg", "png")
    }


@pytest.mark.parametrize("named", FRAMEWORKS)
@pytest.mark.processes
def test_rmsprop(named, tmp_path):
    run = run_chapter("rmsprop", "--backend", named, "--out", tmp_path / "figures")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0].startswith(f"{named} ")
    assert "epoch 20, x1: -0.010599, x2: 0.000000" in lines
    losses = re.findall(r"^loss: (0\.\d{3}), ", run.stdout, re.M)
    assert len(losses) == 1 + has_builtin(named)
    assert all(0.2417 < float(loss) < 0.255 for loss in losses)
    assert figures_in(tmp_path / "figures") == expected_figures("rmsprop", named)


@pytest.mark.parametrize("named", FRAMEWORKS)
@pytest.mark.processes
def test_linear_regression(named, tmp_path):
    out = tmp_path / "figures"
    run = run_chapter("linear_regression", "--backend", named, "--out", out)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    lines = re.findall(r"^([a-z ]+): +w = (.+), b = (.+)$", run.stdout, re.M)
    found = {how: (float(w), float(b)) for how, w, b in lines}
    built_in = ["built in"] if has_builtin(named) else []
    assert list(found) == ["least squares", "from scratch", *built_in]
    for w, b in found.values():
        assert abs(w - 0.1) < 0.01
        assert abs(b - 0.3) < 0.01
    # What the text says of the last step, its length, and of the loss.
    jumps = re.search(r"^the last step: (.+) in w, (.+) in b$", run.stdout, re.M)
    for jump in jumps.groups():
        assert 0.0097 < abs(float(jump)) < 0.01
    least, lowest, final = map(float, re.findall(r"\d\.\d\de-\d\d", run.stdout))
    assert least <= lowest < 1.01 * least < 1.5 * least < final
    assert figures_in(out) == expected_figures("linear_regression", named)


@pytest.mark.parametrize("chapter", NAMES)
@pytest.mark.processes
def test_a_backend_that_there_is_not_is_one_sentence(chapter):
    run = run_chapter(chapter, "--backend", "torhc")
    assert run.returncode == 2
    assert "Did you mean 'torch'?" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("chapter", NAMES)
@pytest.mark.processes
def test_as_a_notebook_it_shows_its_figures_inline(chapter, tmp_path, monkeypatch):
    import jupytext
    import nbclient

    monkeypatch.delenv("MPLBACKEND")
    notebook = jupytext.read(CHAPTERS / f"{chapter}.py")
    kinds = {cell.cell_type for cell in notebook.cells}
    assert kinds == {"markdown", "code"}
    environment = os.environ | {"D2LOPT_BACKEND": "torch"}
    where = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=120, resources=where)
    client.execute(env=environment)
    outputs = [o for c in notebook.cells for o in c.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == len(FIGURES[chapter])
    assert list(tmp_path.iterdir()) == []
    assert not [o for o in outputs if o.get("name") == "stderr"]


@pytest.mark.parametrize("chapter", NAMES)
def test_the_text_fits_a_page(chapter):
    for line in (CHAPTERS / f"{chapter}.py").read_text().splitlines():
        assert len(line) <= 78, line
