"""Figures and tables: what stands on them, and where they go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from d2lopt.book import plot, training
from d2lopt.book.animator import Animator
from d2lopt.runs import compare
from d2lopt.train.descend import Curve
from d2lopt.train.record import Record, Spec, blank

SPEC = Spec("numpy", "rmsprop", {"lr": 0.01, "gamma": 0.9, "eps": 1e-6})


def record(backend, implementation, losses, **changed):
    return Record(
        backend=backend,
        version="1.0",
        implementation=implementation,
        losses=losses,
        steps=[20 * i for i in range(len(losses))],
        num_steps=20 * (len(losses) - 1),
        loss=losses[-1],
        seconds_per_epoch=0.01,
        **{
            "optimizer": "rmsprop",
            "hyperparams": SPEC.hyperparams,
            "data": "airfoil",
            "dtype": "float32",
            "seed": 0,
            "epochs": 2,
            "batch_size": 10,
        }
        | changed,
    )


@pytest.fixture
def records():
    return [
        record("numpy", "scratch", [0.5, 0.4, 0.3]),
        blank(SPEC, "built-in", "missing", "it has no rmsprop of its own"),
        record("torch", "scratch", [0.5, 0.4, 0.3003]),
        record("torch", "built-in", [0.5, 0.4, 0.31]),
    ]


def test_the_table_has_losses_differences_and_the_spread(records, capsys):
    compare.table(records).print()
    text = capsys.readouterr().out
    (torch,) = [line for line in text.splitlines() if "PyTorch" in line]
    for cell in ("0.300300", "0.310000", "+9.7e-03", "0.0100"):
        assert cell in torch
    (numpy,) = [line for line in text.splitlines() if "NumPy 1.0" in line]
    assert "none" in numpy
    assert "1.0e-03 relative" in text
    assert "it has no rmsprop of its own" in text


def test_the_figure_has_each_curve_and_its_distance_from_the_first(records):
    figure = compare.figure(records)
    left, right = figure.axes
    labels = [line.get_label() for line in left.lines]
    assert labels == ["NumPy, scratch", "PyTorch, scratch", "PyTorch, built-in"]
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0.5, 0.4, 0.3])
    np.testing.assert_allclose(left.lines[0].get_xdata(), [0, 1, 2])
    gap = right.lines[1].get_ydata()[-1]
    assert gap == pytest.approx(0.01 / 0.3)
    assert not figure.texts
    plot.pyplot().close(figure)


def test_the_figure_says_that_the_data_are_the_stand_ins():
    figure = compare.figure([record("numpy", "scratch", [0.5, 0.4], data="stand-in")])
    assert "stand-in" in figure.texts[0].get_text()
    plot.pyplot().close(figure)


def test_a_figure_without_any_run_is_empty_but_there():
    failed = [blank(SPEC, "scratch", "failed", "killed by SIGSEGV")]
    figure = compare.figure(failed)
    assert not figure.axes[0].lines
    compare.table(failed).print()
    plot.pyplot().close(figure)


@pytest.mark.parametrize(
    ("arguments", "curves"),
    [
        (([1, 2, 3],), [([0, 1, 2], [1, 2, 3])]),
        (([1, 2], [3, 4]), [([1, 2], [3, 4])]),
        (([1, 2], [[3, 4], [5, 6]]), [([1, 2], [3, 4]), ([1, 2], [5, 6])]),
        (([[1, 2], [3]], [[4, 5], [6]]), [([1, 2], [4, 5]), ([3], [6])]),
        ((np.arange(2), np.ones((2, 2))), [([0, 1], [1, 1]), ([0, 1], [1, 1])]),
    ],
)
def test_plot_takes_one_curve_or_several(arguments, curves):
    _, axes = plot.pyplot().subplots()
    plot.plot(*arguments, xlabel="x", legend=["one", "two"], axes=axes, xlim=(0, 9))
    found = [(list(a.get_xdata()), list(a.get_ydata())) for a in axes.lines]
    assert found == curves
    assert axes.get_xlabel() == "x"
    assert axes.get_xlim() == (0, 9)
    plot.pyplot().close()


def test_plot_clears_the_axes_that_it_is_given():
    _, axes = plot.pyplot().subplots()
    plot.plot([1, 2], xlabel="x", axes=axes)
    plot.plot([3, 4, 5], axes=axes)
    assert [list(line.get_ydata()) for line in axes.lines] == [[3, 4, 5]]
    assert axes.get_xlabel() == ""
    plot.pyplot().close()


@pytest.mark.parametrize(("points", "marker"), [(training.FEW, "o"), (150, "None")])
def test_a_loss_curve_of_few_points_marks_them(points, marker):
    steps = list(range(points))
    curve = Curve(1, points, steps, [0.3] * points)
    figure = plot.studio.begin("curve")
    training.loss_curves({"": curve})
    (line,) = figure.axes[0].lines
    assert line.get_marker() == marker
    plot.studio.current = None
    plot.pyplot().close(figure)


def test_the_animator_of_a_script_draws_once_however_often_it_is_fed(monkeypatch):
    drawn = []
    monkeypatch.setattr(Animator, "draw", lambda self: drawn.append(self))
    animator = Animator(legend=["loss"])
    for i in range(200):
        animator.add(i, i)
    assert drawn == []
    plot.studio.finish()
    assert drawn == [animator]
    assert len(animator.X[0]) == 200


def test_the_trace_is_drawn_over_the_contours(oracle):
    figure = plot.studio.begin("trace")
    oracle.show_trace_2d(lambda a, b: a**2 + b**2, [(-5, -2), (-1, 0.5)])
    (axes,) = figure.axes
    assert axes.lines[0].get_xydata().tolist() == [[-5, -2], [-1, 0.5]]
    assert len(axes.collections) >= 1
    plot.studio.current = None
    plot.pyplot().close(figure)


@pytest.mark.processes
def test_a_script_without_a_display_saves_every_figure(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "from d2lopt.book import plot\n"
        "plot.plot([1, 2])\n"
        "plot.figure('named')\n"
        "plot.plot([2, 1])\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    names = sorted(p.name for p in Path(tmp_path, "out").iterdir())
    assert names == ["mine-1.png", "mine-1.svg", "mine-named.png", "mine-named.svg"]
    assert run.stdout.splitlines() == [
        "figure: out/mine-1.png",
        "figure: out/mine-named.png",
    ]
    assert run.stderr == ""


def run_script(folder, text, **environment):
    """Run it as a script that finds its own way of showing figures, warnings raised."""
    (folder / "mine.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-W", "error", "mine.py"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "MPLBACKEND"} | environment,
        timeout=60,
    )


@pytest.mark.processes
def test_show_saves_where_nothing_can_be_shown(tmp_path):
    text = "from d2lopt import numpy as d2l\nd2l.plt.plot([1, 2])\nd2l.plt.show()\n"
    run = run_script(tmp_path, text + "print('end')", MPLBACKEND="Agg")
    assert run.stderr == ""
    assert run.stdout == "figure: out/mine-1.png\nend\n"


@pytest.fixture
def display():
    """A screen that nobody sees, for windows."""
    if shutil.which("Xvfb") is None:
        pytest.skip("a test of windows needs Xvfb (apt-get install xvfb)")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing)],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as number:
        yield f":{number.readline().strip()}"
    server.terminate()
    server.wait()


IN_WINDOWS = """
from d2lopt import numpy as d2l
animator = d2l.Animator()
for i in range(20):
    animator.add(i, i)
d2l.figure("named")
d2l.plot([1, 2])
import matplotlib.pyplot as plt

def look():
    for figure in map(plt.figure, plt.get_fignums()):
        window = figure.canvas.manager.window
        points = len(figure.axes[0].lines[0].get_xdata())
        print(window.title(), bool(window.winfo_viewable()), points)
    plt.close("all")

if hasattr(plt.gcf().canvas.manager, "window"):
    timer = plt.gcf().canvas.new_timer(interval=800)
    timer.add_callback(look)
    timer.start()
print("end of the script")
"""


@pytest.mark.processes
def test_with_a_display_a_script_ends_by_showing_its_windows(tmp_path, display):
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    run = run_script(tmp_path, IN_WINDOWS, DISPLAY=display)
    assert run.stderr == ""
    assert run.returncode == 0
    assert run.stdout == "end of the script\nFigure 1 True 20\nnamed True 2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


@pytest.mark.processes
def test_with_a_display_but_no_toolkit_a_script_saves(tmp_path, display):
    without = tmp_path / "without"
    without.mkdir()
    for toolkit in ("tkinter", "gi", "wx", "PyQt6", "PySide6", "PyQt5", "PySide2"):
        (without / f"{toolkit}.py").write_text("raise ImportError('it is not here')")
    run = run_script(tmp_path, IN_WINDOWS, DISPLAY=display, PYTHONPATH=str(without))
    assert run.stderr == ""
    assert run.stdout == (
        "figure: out/mine-1.png\nend of the script\nfigure: out/mine-named.png\n"
    )


def test_a_figure_that_cannot_be_drawn_fails_once(tmp_path):
    studio = plot.Studio()
    studio.folder = tmp_path
    made = studio.share().figure()
    made.add_subplot().plot([1, 2], label="$\\unknown$")
    made.axes[0].legend()
    with pytest.raises(ValueError, match="unknown"):
        studio.finish()
    studio.finish()
