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


def run_chapter(name, *arguments, **more):
    return subprocess.run(
        [sys.executable, CHAPTERS / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        **more,
    )


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
    built_in = bool(FRAMEWORKS[named].builtins)
    assert len(losses) == 1 + built_in
    assert all(0.2417 < float(loss) < 0.255 for loss in losses)
    figures = ["weights", "valley", "scratch"] + ["built-in"] * built_in
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        f"rmsprop-{named}-{figure}.{kind}"
        for figure in figures
        for kind in ("svg", "png")
    }


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
    assert len(pictures) == 4
    assert list(tmp_path.iterdir()) == []
    assert not [o for o in outputs if o.get("name") == "stderr"]


@pytest.mark.parametrize("chapter", NAMES)
def test_the_text_fits_a_page(chapter):
    for line in (CHAPTERS / f"{chapter}.py").read_text().splitlines():
        assert len(line) <= 78, line
