"""Figures and tables: what stands on them, and where they go."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from d2lopt import compare, plot
from d2lopt.runs import Record, Spec, blank

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


def test_the_trace_is_drawn_over_the_contours():
    figure = plot.studio.begin("trace")
    plot.show_trace_2d(lambda a, b: a**2 + b**2, [(-5, -2), (-1, 0.5)])
    (axes,) = figure.axes
    assert axes.lines[0].get_xydata().tolist() == [[-5, -2], [-1, 0.5]]
    assert len(axes.collections) >= 1
    plot.studio.current = None
    plot.pyplot().close(figure)


@pytest.mark.processes
def test_a_script_without_a_display_saves_every_figure(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "from d2lopt import plot\n"
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
