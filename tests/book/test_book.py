"""Cells as learners bring them, one file for each tab of the book, run in order.

The cells are the project's own, in the book's manner: they import the framework, and
from d2lopt with the book's import line, and call what the book's cells call. What all
tabs have in common stands once, in `cells/shared.py`.
"""

import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from d2lopt.backend.arrays import number, numpy_of
from d2lopt.book import plot
from d2lopt.book.animator import Animator
from d2lopt.book.measure import Accumulator, Timer
from d2lopt.book.training import Trained
from d2lopt.errors import InputError

CELLS = Path(__file__).parent / "cells"


def cells_of(path):
    """(title, text) of each cell of a file."""
    parts = re.split(r"^# %%(.*)\n", path.read_text(), flags=re.M)
    return zip((title.strip() for title in parts[1::2]), parts[2::2], strict=True)


def run_cells(path, has_file):
    """Execute the cells in one namespace; how many were left out."""
    shared = dict(cells_of(CELLS / "shared.py"))
    namespace, left_out = {"__name__": "__main__"}, 0
    for i, (title, cell) in enumerate(cells_of(path)):
        if title.startswith("[file]") and not has_file:
            left_out += 1
            continue
        if title.startswith("[shared]"):
            cell = shared[title.removeprefix("[shared] ")]
        exec(compile(cell, f"{path.name}, cell {i + 1}: {title}", "exec"), namespace)
    return left_out


@pytest.fixture(autouse=True)
def _all_figures_closed():
    yield
    plot.pyplot().close("all")


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["", "_ch7"])
def test_the_cells_run_in_order_and_print_the_books_losses(
    d2l, backend, edition, capsys
):
    path = CELLS / f"{backend}{edition}.py"
    if not path.exists():
        pytest.skip(f"no edition has a tab like {path.name} for this chapter")
    has_file = True
    try:
        d2l.download("airfoil")
    except InputError:
        has_file = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        left_out = run_cells(path, has_file)
    out = capsys.readouterr().out
    losses = [float(x) for x in re.findall(r"^loss: ([\d.]+)", out, re.M)]
    assert len(losses) >= 8
    assert all(0.24 < loss < 0.27 for loss in losses), losses
    if left_out:
        pytest.skip("the cells that read the airfoil file: set D2LOPT_DATA to its path")


# ------------------------------------------------------------------------ what it gives


def test_the_data_are_what_the_framework_calls_data(d2l, backend):
    X, y = np.arange(14, dtype="float32").reshape(7, 2), np.arange(7, dtype="float32")
    loader = d2l.load_array((X, y), 3, is_train=False)
    home = type(loader).__module__.split(".")[0]
    assert home == ("d2lopt" if backend in ("numpy", "jax") else backend)
    for _ in range(2):  # it can be iterated once an epoch
        found = [(numpy_of(a), numpy_of(b)) for a, b in loader]
        assert len(loader) == len(found) == 3
        np.testing.assert_array_equal(np.concatenate([a for a, _ in found]), X)
        np.testing.assert_array_equal(np.concatenate([b for _, b in found]), y)
    shuffled = d2l.load_array((X, y), 3, is_train=True)
    rows = np.concatenate([numpy_of(b) for _, b in shuffled])
    assert sorted(rows) == list(y)


def test_shuffled_or_not_batches_have_the_arrays_dtypes_and_shapes(d2l):
    arrays = [np.ones((7, 2), "float32"), np.arange(7.0).reshape(7, 1), np.arange(7)]
    kinds = [
        [(numpy_of(a).dtype, a.shape[1:]) for a in next(iter(loader))]
        for loader in (d2l.load_array(arrays, 3, train) for train in (True, False))
    ]
    assert kinds[0] == kinds[1] == [(a.dtype, a.shape[1:]) for a in arrays]


def test_a_harness_gives_the_same_numbers_from_a_data_set_that_holds_minibatches(d2l):
    """In the framework that wants a data set of its own, nothing else changes."""
    data_iter, feature_dim = d2l.get_data_ch11(10, source="stand-in", quiet=True)
    X, y = next(iter(data_iter))
    assert (tuple(X.shape), tuple(y.shape)) == ((10, 5), (10,))
    assert len(data_iter) == 150
    plain = getattr(data_iter, "minibatches", data_iter)
    _, found = d2l.train_ch11(d2l.sgd, None, {"lr": 0.05}, data_iter, feature_dim)
    _, expected = d2l.train_ch11(d2l.sgd, None, {"lr": 0.05}, plain, feature_dim)
    assert found == expected


def test_evaluate_loss_is_a_mean_over_rows_or_over_batches(d2l):
    X, y = d2l.tensor([[1.0], [2.0], [3.0]]), d2l.tensor([1.0, 1.0, 1.0])
    batches = [(X[:2], y[:2]), (X[2:], y[2:])]
    by_row = d2l.evaluate_loss(lambda X: X, batches, d2l.squared_loss)
    assert by_row == pytest.approx((0 + 0.5 + 2) / 3)

    def mean_loss(y_hat, y):
        return d2l.mean(d2l.squared_loss(y_hat, y))

    assert d2l.evaluate_loss(lambda X: X, batches, mean_loss) == pytest.approx(1.125)


def test_the_other_sgd_of_the_book_is_refused_in_a_sentence(d2l):
    """It takes (params, lr, batch_size), or (params, grads, lr, batch_size)."""
    params = [d2l.variable(d2l.zeros((2, 1)))]
    for arguments in ((params, 0.03, 10), (params, params, 0.03, 10)):
        with pytest.raises(InputError, match=r"a dict; an sgd\(params, lr, batch_size"):
            d2l.sgd(*arguments)
    d2l.sgd(params, [d2l.ones((2, 1))], None, {"lr": 0.5})
    assert numpy_of(params[0]).tolist() == [[-0.5], [-0.5]]


def test_what_a_harness_returns_is_a_pair_that_prints_as_one_line(oracle):
    data_iter, feature_dim = oracle.get_data_ch11(1500, source="stand-in", quiet=True)
    result = oracle.train_ch11(oracle.sgd, None, {"lr": 1}, data_iter, feature_dim, 21)
    times, losses = result
    assert result == (times, losses)
    assert len(times) == len(losses) == 3
    line = f"<3 losses in {times[-1]:.3f} s: {losses[0]:.3f} to {losses[-1]:.3f}>"
    assert repr(result) == line
    assert repr(Trained([0.5], [2.0])) == "<1 losses in 0.500 s: 2.000>"
    assert repr(Trained([0.5], [])) == "<0 losses in 0.500 s: none>"


def test_download_gives_the_verified_file(airfoil, oracle):
    path = oracle.download("airfoil")
    assert isinstance(path, str)
    assert Path(path) == airfoil
    assert oracle.download(oracle.DATA_HUB["airfoil"][0]) == path


def test_download_says_what_is_wrong(oracle, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="one data set, 'airfoil'; got 'fra-eng'"):
        oracle.download("fra-eng")
    (tmp_path / "wrong.dat").write_text("1\t2\n")
    monkeypatch.setenv("D2LOPT_DATA", str(tmp_path / "wrong.dat"))
    with pytest.raises(InputError, match="is not the airfoil file"):
        oracle.download("airfoil")


def test_plots_take_the_frameworks_arrays(d2l):
    x = d2l.variable(d2l.tensor([1.0, 2.0]))
    if hasattr(x, "requires_grad"):
        x.requires_grad_()
    if hasattr(x, "stop_gradient"):
        x.stop_gradient = False
    _, axes = d2l.plt.subplots()
    d2l.plot(x, [x * 2, list(d2l.numpy(x))], axes=axes)
    assert [line.get_ydata().tolist() for line in axes.lines] == [[2, 4], [1, 2]]
    d2l.plot([v * 1 for v in d2l.tensor([4.0, 5.0])], axes=axes)
    assert [line.get_ydata().tolist() for line in axes.lines] == [[4, 5]]
    grid = d2l.meshgrid(d2l.arange(0, 3), d2l.linspace(0.0, 1.0, 2))
    assert {tuple(g.shape) for g in grid} in [{(2, 3)}, {(3, 2)}]
    d2l.plt.contour(*grid, grid[0] + grid[1])


def test_the_trace_is_drawn_with_the_frameworks_own_functions(d2l):
    seen = []

    def f(x1, x2):
        seen.append(x1)
        return d2l.exp(x1) + d2l.square(x2)

    d2l.show_trace_2d(f, [(-5, -2), (d2l.tensor([1.0]), d2l.tensor(0.5))])
    assert type(seen[0]) is type(d2l.zeros(1))
    assert d2l.plt.gca().lines[0].get_xydata().tolist() == [[-5, -2], [1, 0.5]]


def test_train_2d_takes_tensors_of_one_number(d2l, capsys):
    def noisy(x1, x2, s1, s2):
        return x1 + d2l.ones(1), x2 + d2l.ones((1, 1)), s1, s2

    results = d2l.train_2d(noisy, steps=2)
    assert results[-1] == (-3, 0)
    assert {type(x) for point in results for x in point} == {float}
    assert capsys.readouterr().out == "epoch 2, x1: -3.000000, x2: 0.000000\n"


def test_timer_and_accumulator(d2l):
    timer = Timer()
    assert timer.stop() == timer.times[0] > 0
    timer.start()
    time.sleep(0.01)
    assert timer.stop() >= 0.01
    assert timer.cumsum() == [timer.times[0], timer.sum()]
    assert timer.avg() == timer.sum() / 2
    sums = Accumulator(2)
    sums.add(1, d2l.tensor(2.5))
    sums.add(d2l.tensor([0.5]), 1)
    assert (sums[0], sums[1]) == (1.5, 3.5)
    sums.reset()
    assert sums.data == [0, 0]
    assert number(d2l.tensor([[3.0]])) == 3


# ------------------------------------------------------------------ what it has not got


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Vocab", "recurrent networks"),
        ("load_data_fashion_mnist", "convolutional networks"),
        ("train_ch6", "convolutional networks"),
        ("Trainer", "classes of edition 1.0"),
        ("train_gluon_ch7", "use d2l.train_concise_ch11."),
        ("semilogy", r'use d2l.plot\(…, yscale="log"\).'),
        ("train_ch_11", r"Did you mean d2l.train_ch11\?"),
        ("annimator", r"Did you mean d2l.Animator\?"),
        ("qqqq", r"d2lopt has no d2l.qqqq\.$"),
        ("__wrapped__", r"d2lopt has no d2l.__wrapped__\."),
    ],
)
def test_a_name_that_is_not_carried_says_what_to_do(oracle, name, words):
    with pytest.raises(AttributeError, match=words) as caught:
        getattr(oracle, name)
    assert len(str(caught.value)) < 200
    assert not hasattr(oracle, name)


def test_what_an_error_names_is_there(oracle):
    from d2lopt.book import missing

    for old, new in missing.NOW.items():
        assert hasattr(oracle, new.split("(")[0]) or new == "try_gpu", (old, new)
        assert old not in vars(oracle)
    assert not missing.PART.keys() & vars(oracle).keys()


# ------------------------------------------------------------------------- the animator


def test_in_a_script_the_animator_draws_once(monkeypatch):
    drawn = []
    draw = Animator.draw
    monkeypatch.setattr(Animator, "draw", lambda self: drawn.append(1) or draw(self))
    animator = Animator(xlabel="epoch", legend=["a", "b"], xlim=[0, 9], ylim=[0, 1])
    begun = time.perf_counter()
    for i in range(1000):
        animator.add(i, (i, None if i % 2 else 0.5))
    assert time.perf_counter() - begun < 0.5  # a single drawing takes about 0.05
    assert not drawn
    plot.studio.finish()
    assert drawn == [1]
    (axes,) = animator.axes
    assert [len(line.get_xdata()) for line in axes.lines] == [1000, 500]
    assert axes.get_xlim() == (0, 9)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert sorted(Path("out").iterdir())[0].suffix == ".png"


def test_the_animator_takes_one_curve_or_several(oracle):
    animator = Animator()
    animator.add(1, 2)
    animator.add(2, np.float32(3))
    assert (animator.X, animator.Y) == ([[1, 2]], [[2, 3]])
    animator = Animator(nrows=1, ncols=2)
    animator.add([1, 2], [3, 4])
    assert (animator.X, animator.Y) == ([[1], [2]], [[3], [4]])
    assert len(animator.axes) == 2


SCRIPT = """
from d2lopt import numpy as d2l
d2l.set_figsize((3, 2))
d2l.plt.plot([1, 2])
d2l.set_figsize()
d2l.plt.plot([2, 1])
d2l.plot([1, 2])
d2l.annotate("here", (0, 1), (0.5, 1.5))
animator = d2l.Animator()
for i in range(100):
    animator.add(i, i)
_, axes = d2l.plt.subplots(1, 2)
d2l.plot([1, 2], axes=axes[0])
"""


@pytest.mark.processes
def test_a_script_saves_what_it_drew_with_pyplot_too(tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    run = subprocess.run(
        [sys.executable, "-W", "error", "mine.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == [f"figure: out/mine-{i}.png" for i in range(1, 6)]


CELLS_OF_A_NOTEBOOK = [
    "import warnings; warnings.simplefilter('error')\n"
    "from d2lopt import numpy as d2l\n"
    "d2l.use_svg_display()",
    "animator = d2l.Animator(xlabel='epoch')\n"
    "import time\n"
    "for i in range(500):\n"
    "    animator.add(i, i)\n"
    "    time.sleep(0.002)\n"
    "print(len(animator.Y[0]))",
    "animator.add(500, 0)",
    "d2l.plot([1, 2])\nd2l.annotate('here', (0, 1), (0.5, 1.5))",
    "data_iter, feature_dim = d2l.get_data_ch11(source='stand-in', quiet=True)\n"
    "d2l.train_ch11(d2l.sgd, None, {'lr': 0.05}, data_iter, feature_dim)",
]


@pytest.mark.processes
def test_in_a_notebook_the_animator_updates_one_picture_in_place(tmp_path, monkeypatch):
    import nbclient
    import nbformat

    monkeypatch.delenv("MPLBACKEND", raising=False)
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS_OF_A_NOTEBOOK]
    notebook = nbformat.v4.new_notebook(cells=cells)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=where).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert [o for o in outputs[0] if o.output_type != "stream"] == []
    pictures = [[o for o in cell if "data" in o] for cell in outputs]
    assert [len(p) for p in pictures] == [0, 1, 1, 1, 1]
    # The last line of a cell may be a harness: what it returns is not shown.
    kinds = {output.output_type for cell in outputs for output in cell}
    assert "execute_result" not in kinds
    assert all("image/svg+xml" in p[0].data for p in pictures[1:])
    assert not [o for cell in outputs for o in cell if o.get("name") == "stderr"]
    # The last drawing has all points: its curve reaches the last of them.
    assert "400" in pictures[1][0].data["image/svg+xml"]
    assert list(tmp_path.iterdir()) == []
