"""The chapters as people run them: as scripts, on every backend, and as notebooks."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from d2lopt.backend.processes import THREADS
from d2lopt.conventions.table import nearest
from d2lopt.runs.chapters import ORDER

# The first test of a backend that needs the chapters waits for all ten of them.
pytestmark = pytest.mark.timeout(900)

CHAPTERS = Path(__file__).parents[2] / "chapters"
NAMES = sorted(path.stem for path in CHAPTERS.glob("*.py"))
FIGURES = {
    "gradient_descent": [
        *("small", "good", "large", "minima", "newton", "valley", "preconditioned"),
        *("scratch", "too-large", "built-in"),
    ],
    "sgd": [
        *("constant", "exponential", "polynomial"),
        *("scratch", "falling", "built-in"),
    ],
    "minibatch_sgd": [
        *("noise", "batch-1500", "batch-1", "batch-10", "batch-100"),
        *("epochs", "seconds", "built-in"),
    ],
    "momentum": [
        *("weights", "plain", "diverging", "swing", "larger"),
        *("half", "nine-tenths", "scratch", "built-in-momentum"),
        *("heavy-ball", "nesterov", "nesterov-scratch", "built-in-nesterov"),
    ],
    "adagrad": ["sparse", "valley", "larger", "scratch", "small", "built-in"],
    "rmsprop": ["weights", "valley", "scratch", "built-in", "rotated", "schedule"],
    "linear_regression": ["line", "path", "hover", "loss", "built-in"],
    "adadelta": [
        *("valley", "larger-epsilon", "lengths"),
        *("scratch", "tiny-epsilon", "built-in"),
    ],
    "adam": [
        *("correction", "valley", "uncorrected", "scratch", "built-in"),
        *("slip-epsilon", "frozen", "slip-count", "forgetting", "yogi"),
        "adamw",
    ],
    "schedules": [
        *("stairs", "smooth", "constant", "cosine", "sgd", "sgd-low", "rmsprop"),
        "written",
    ],
}
WITHOUT = "schedules", "The framework's own"  # it is in a sentence there
LOSSES = {  # what each run of a chapter prints, on the airfoil file; True: built in
    "gradient_descent": [(0.242, False), (1.034, False), (0.242, True)],
    "sgd": [(0.318, False), (0.243, False), (0.318, True)],
    "minibatch_sgd": [
        *((x, False) for x in (0.242, 0.246, 0.246, 0.243)),
        (0.246, True),
    ],
    "momentum": [
        *((0.245, False), (0.254, False), (0.245, False), (0.245, True)),
        *((0.245, False), (0.245, True)),
    ],
    "adagrad": [(0.243, False), (0.334, False), (0.243, True)],
    "adadelta": [(0.245, False), (0.443, False), (0.245, True)],
    "adam": [
        *((0.244, False), (0.244, True), (0.244, False)),
        *((0.242, False), (0.243, False), (0.244, False)),
    ],
    "schedules": [(0.274, False), (0.243, False)],
}
SAYS = {  # what else a text relies on
    "gradient_descent": ["Newton: 1.1000, -1.3310, 2.3579, -13.1100"],
    "sgd": ["f, on average over the last 500 steps: 1.5247"],
    "momentum": ["epoch 20, x1: 0.007188, x2: 0.002553"],
    "adagrad": ["epoch 100, x1: -0.396441, x2: -0.000022"],
    "adadelta": ["epoch 20, x1: -4.782488, x2: -1.787589"],
    "adam": ["epoch 100, x1: 0.021330, x2: 0.008985", "slip_eps [0.990001      nan]"],
}
SAYS_OF_THE_DATA = {  # on the airfoil file
    "minibatch_sgd": ["batches of 100: 0.235 off"],
    "schedules": [
        " square root: 107.44 thousandths left",
        "multi-factor:   1.95 thousandths left",
    ],
}


def run_chapter(name, *arguments, **more):
    return subprocess.run(
        [sys.executable, CHAPTERS / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        **more,
    )


def has_builtin(named):
    return nearest(named, "rmsprop", {}) is not None


def figures_of(chapter, named):
    return [
        figure
        for figure in FIGURES[chapter]
        if has_builtin(named) or not figure.startswith("built-in")
    ]


def figures_in(folder):
    return {path.name for path in folder.iterdir()}


def expected_figures(chapter, named):
    return {
        f"{chapter}-{named}-{figure}.{kind}"
        for figure in figures_of(chapter, named)
        for kind in ("svg", "png")
    }


def test_every_chapter_has_its_row_and_its_place():
    assert set(FIGURES) == set(NAMES) == set(ORDER)
    assert LOSSES.keys() == set(NAMES) - {"rmsprop", "linear_regression"}
    assert set(SAYS) | set(SAYS_OF_THE_DATA) == set(LOSSES)


# Importing a framework takes longer than most chapters, so one process runs them all;
# as notebooks, below, each is alone in its process.
ALL_IN_ONE = """
import json, runpy, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from d2lopt.book import plot

backend, out, *paths = sys.argv[1:]
runs = {}
for path in paths:
    name, stdout, stderr = Path(path).stem, StringIO(), StringIO()
    sys.argv = [path, "--backend", backend, "--out", str(Path(out, name))]
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            runpy.run_path(path, run_name="__main__")
            plot.studio.close()
        except BaseException:
            traceback.print_exc()
    runs[name] = {"stdout": stdout.getvalue(), "stderr": stderr.getvalue()}
json.dump(runs, sys.stdout)
"""


@dataclass
class Ran:
    """One chapter on one backend: what it printed, and the folder of its figures."""

    stdout: str
    stderr: str
    out: Path


@pytest.fixture(scope="session")
def ran(backend, tmp_path_factory):
    """Every chapter on this backend, by name.

    A session's, as pytest takes the tests of a backend from all modules in turn: a
    module's would be made anew each time it comes back to this one.
    """
    out = tmp_path_factory.mktemp(backend)
    process = subprocess.run(
        [sys.executable, "-c", ALL_IN_ONE, backend, out]
        + [CHAPTERS / f"{name}.py" for name in NAMES],
        capture_output=True,
        text=True,
        env=os.environ | dict.fromkeys(THREADS, "1"),
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    runs = json.loads(process.stdout)
    return {name: Ran(**run, out=out / name) for name, run in runs.items()}


@pytest.mark.slow
@pytest.mark.parametrize("chapter", NAMES)
def test_a_chapter(backend, chapter, ran):
    run = ran[chapter]
    assert run.stderr == ""
    assert run.stdout.startswith(f"{backend} ")
    for sentence in SAYS.get(chapter, []):
        assert sentence in run.stdout
    own = sum(not theirs for _, theirs in LOSSES.get(chapter, []))
    theirs = sum(theirs for _, theirs in LOSSES.get(chapter, []))
    gaps = re.findall(r"^built-in − from scratch: (\S+)$", run.stdout, re.M)
    if chapter in LOSSES:
        assert len(gaps) == theirs * has_builtin(backend)
        assert run.stdout.count("\nloss: ") == own + len(gaps)
    assert all(abs(float(gap)) < 1e-6 for gap in gaps)
    assert figures_in(run.out) == expected_figures(chapter, backend)


@pytest.mark.slow
@pytest.mark.parametrize("chapter", LOSSES)
def test_the_numbers_of_a_chapter_on_the_airfoil(backend, chapter, airfoil, ran):
    run = ran[chapter]
    losses = [float(x) for x in re.findall(r"^loss: (\S+), ", run.stdout, re.M)]
    expected = [x for x, own in LOSSES[chapter] if not own or has_builtin(backend)]
    assert losses == pytest.approx(expected, abs=0.0011)
    for sentence in SAYS_OF_THE_DATA.get(chapter, []):
        assert sentence in run.stdout


@pytest.mark.slow
def test_rmsprop_as_a_script(backend, tmp_path):
    named = backend
    run = run_chapter("rmsprop", "--backend", named, "--out", tmp_path / "figures")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0].startswith(f"{named} ")
    assert "epoch 20, x1: -0.010599, x2: 0.000000" in lines
    losses = re.findall(r"^loss: (0\.\d{3}), ", run.stdout, re.M)
    assert len(losses) == 2 + has_builtin(named)
    assert all(0.2417 < float(loss) < 0.255 for loss in losses)
    assert figures_in(tmp_path / "figures") == expected_figures("rmsprop", named)


@pytest.mark.slow
def test_linear_regression(backend, ran):
    stdout = ran["linear_regression"].stdout
    lines = re.findall(r"^([a-z ]+): +w = (.+), b = (.+)$", stdout, re.M)
    found = {how: (float(w), float(b)) for how, w, b in lines}
    built_in = ["built in"] if has_builtin(backend) else []
    assert list(found) == ["least squares", "from scratch", *built_in]
    for w, b in found.values():
        assert abs(w - 0.1) < 0.01
        assert abs(b - 0.3) < 0.01
    # What the text says of the last step, its length, and of the loss.
    jumps = re.search(r"^the last step: (.+) in w, (.+) in b$", stdout, re.M)
    for jump in jumps.groups():
        assert 0.0097 < abs(float(jump)) < 0.01
    least, lowest, final = map(float, re.findall(r"\d\.\d\de-\d\d", stdout))
    assert least <= lowest < 1.01 * least < 1.5 * least < final


@pytest.mark.parametrize("chapter", ["rmsprop", "adam"])
@pytest.mark.processes
def test_a_backend_that_there_is_not_is_one_sentence(chapter):
    run = run_chapter(chapter, "--backend", "torhc")
    assert run.returncode == 2
    assert "Did you mean 'torch'?" in run.stderr
    assert "Traceback" not in run.stderr


def outputs_of(notebook):
    return [o for cell in notebook.cells for o in cell.get("outputs", [])]


def pictures_in(notebook):
    return [o for o in outputs_of(notebook) if "image/png" in o.get("data", {})]


NOTEBOOKS = [  # one of them with built-in optimizers
    (name, "torch" if name == "momentum" else "numpy") for name in NAMES
]


@pytest.mark.slow
@pytest.mark.parametrize(("chapter", "named"), NOTEBOOKS)
@pytest.mark.processes
def test_as_a_notebook_it_shows_its_figures_inline(
    chapter, named, tmp_path, monkeypatch
):
    import jupytext
    import nbclient

    monkeypatch.delenv("MPLBACKEND")
    notebook = jupytext.read(CHAPTERS / f"{chapter}.py")
    kinds = {cell.cell_type for cell in notebook.cells}
    assert kinds == {"markdown", "code"}
    environment = os.environ | {"D2LOPT_BACKEND": named}
    where = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=120, resources=where)
    client.execute(env=environment)
    assert len(pictures_in(notebook)) == len(figures_of(chapter, named))
    assert list(tmp_path.iterdir()) == []
    assert not [o for o in outputs_of(notebook) if o.get("name") == "stderr"]


@pytest.mark.parametrize("chapter", NAMES)
def test_the_text_fits_a_page(chapter):
    for line in (CHAPTERS / f"{chapter}.py").read_text().splitlines():
        assert len(line) <= 78, line


@pytest.mark.parametrize("chapter", NAMES)
def test_no_line_within_a_paragraph_looks_like_an_item(chapter):
    # "variance\n1. The model" would be shown as a list.
    lines = (CHAPTERS / f"{chapter}.py").read_text().splitlines()
    item = re.compile(r"# (\d+\.|[-+*]|#+) ")
    for line, following in pairwise(lines):
        if item.match(following) and not item.match(line):
            assert line in ("#", "# %% [markdown]") or line.startswith("#  "), following


@pytest.mark.parametrize("chapter", NAMES)
def test_what_a_chapter_has(chapter):
    text = (CHAPTERS / f"{chapter}.py").read_text()
    assert f'd2l = lesson.start("{chapter}")' in text
    assert "# $$" in text
    for part in ("From scratch", "The framework's own", "Summary", "Exercises"):
        assert f"# ## {part}\n" in text or (chapter, part) == WITHOUT
    assert len(re.findall(r"^# \d\. ", text, re.M)) >= 3
    assert text.count("**Look at**") >= 2
    assert re.findall(r'd2l\.figure\("([a-z0-9-]+)"\)', text)


# ------------------------------------------------------------- all of them, by command


def d2lopt(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "d2lopt", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=250,
        **more,
    )


@pytest.mark.slow
@pytest.mark.processes
def test_the_command_runs_chapters_and_prints_a_table(tmp_path):
    out = tmp_path / "figures"
    asked = ["--chapters", "adagrad,sgd", "--backends", "numpy", "--out", out]
    run = d2lopt("chapters", *asked)
    assert run.returncode == 0, run.stderr
    rows = re.findall(r"^│ (\w+) +│ +(\d+\.\d) │$", run.stdout, re.M)
    assert [name for name, _ in rows] == ["sgd", "adagrad"]
    assert re.fullmatch(r"sgd, NumPy: .* s\nadagrad, NumPy: .* s\n", run.stderr)
    wanted = expected_figures("sgd", "numpy") | expected_figures("adagrad", "numpy")
    assert figures_in(out) == wanted


@pytest.mark.processes
def test_a_chapter_that_fails_is_a_row_and_the_others_stand(tmp_path):
    asked = ["--chapters", "adagrad", "--backends", "numpy,torch"]
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "torch.py").write_text("raise OSError('no libgomp')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "stubs")}
    run = d2lopt("chapters", *asked, env=environment)
    assert run.returncode == 1
    assert re.search(r"│ adagrad │ +\d+\.\d │ +failed │", run.stdout)
    assert re.search(r"^adagrad, PyTorch: .*OSError: no libgomp$", run.stdout, re.M)
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.processes
def test_a_chapter_past_its_limit_is_stopped(tmp_path):
    asked = ["--chapters", "sgd", "--backends", "numpy", "--limit", "0.3"]
    run = d2lopt("chapters", *asked)
    assert run.returncode == 1
    assert "sgd, NumPy: stopped: it passed its limit of 0.3 s" in run.stdout


@pytest.mark.slow
@pytest.mark.processes
def test_the_command_writes_an_executed_notebook(tmp_path):
    import nbformat

    out = tmp_path / "here"
    asked = ["--chapters", "adagrad", "--backend", "torch", "--out", out]
    run = d2lopt("notebooks", *asked)
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"adagrad, PyTorch: .* s\n", run.stderr)
    assert figures_in(out) == {"adagrad-torch.ipynb"}
    notebook = nbformat.read(out / "adagrad-torch.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert len(pictures_in(notebook)) == len(FIGURES["adagrad"])
    assert "jupytext" not in notebook.metadata
    assert not [o for o in outputs_of(notebook) if o.get("name") == "stderr"]


@pytest.mark.slow
@pytest.mark.processes
def test_a_notebook_that_fails_is_written_and_said(tmp_path):
    out, environment = tmp_path / "here", os.environ | {"D2LOPT_DATA": "/no/such/file"}
    asked = ["--chapters", "adagrad", "--out", out]
    run = d2lopt("notebooks", *asked, env=environment)
    assert run.returncode == 1
    assert re.search(r"^adagrad, NumPy: .*/no/such/file", run.stderr, re.M)
    assert "Traceback" not in run.stderr
    assert figures_in(out) == {"adagrad-numpy.ipynb"}


@pytest.mark.processes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chapters", "--chapters", "adagard"], "Did you mean 'adagrad'?"),
        (["chapters", "--backends", "torhc"], "Did you mean 'torch'?"),
        (["chapters", "--out", "/dev/null/x"], "cannot write into /dev/null/x"),
        (["chapters", "--limit", "0"], "--limit"),
        (["notebooks", "--chapters", "adagard"], "Did you mean 'adagrad'?"),
        (["notebooks", "--backend", "torhc"], "Did you mean 'torch'?"),
        (["notebooks", "--out", "/dev/null/x"], "cannot write into /dev/null/x"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, words):
    run = d2lopt(*arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.processes
def test_without_jupytext_the_pip_command_is_named(tmp_path):
    missing = "raise ModuleNotFoundError('gone', name='jupytext')"
    (tmp_path / "jupytext.py").write_text(missing)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = d2lopt("notebooks", "--out", tmp_path / "here", env=environment)
    assert run.returncode == 2
    assert "-m pip install jupytext nbclient ipykernel" in run.stderr
    assert not (tmp_path / "here").exists()


def test_without_a_checkout_there_are_no_chapters(tmp_path):
    from d2lopt.errors import InputError
    from d2lopt.runs.chapters import chapters

    with pytest.raises(InputError, match="come with a checkout"):
        chapters(tmp_path)
