"""Many configurations at once: each as a run of its own would have it."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from d2lopt.cli.main import main
from d2lopt.rules import optimizers as rules
from d2lopt.sweep import figures as sweep_plot
from d2lopt.sweep import summary as sweep_summary
from d2lopt.sweep.grid import Sweep, Task, grid_of
from d2lopt.sweep.tasks import compute
from d2lopt.train import scratch as train
from d2lopt.train.batches import Minibatches, unwrapped
from d2lopt.train.many import Look, Share, run_many
from d2lopt.train.problem import LinearLoss, with_ones

RULES = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta"]
RULES += ["adam", "adamw", "yogi"]

# Three configurations that converge, or nearly: what grows without bounds multiplies
# the rounding of the first steps as well.
GRIDS = {
    "lr": [0.3, 1.0, 2.0],  # times the default
    "gamma": [0.5, 0.9, 0.9999],
    "momentum": [0.0, 0.5, 0.9],
    "rho": [0.5, 0.9, 0.9999],
    "beta1": [0.0, 0.9, 0.95],
    "beta2": [0.9, 0.99, 0.9999],
    "weight_decay": [0.0, 0.01, 0.1],
    "eps": [1e-8, 1e-6, 1e-3],
}


def configurations_of(name: str) -> list[dict[str, float]]:
    defaults = rules.find(name).hyperparams
    return [
        {
            n: GRIDS[n][k] * (defaults[n] if n == "lr" else 1)
            for n in defaults
        }
        for k in range(3)
    ]  # fmt: skip


def many(d2l, name, configurations, dtype="float32", seed=3, epochs=1, batch_size=10):
    """(outcomes of all at once, curves of one at a time)"""
    data_iter, feature_dim = d2l.get_data_ch11(
        batch_size, seed=seed, source="stand-in", dtype=dtype, quiet=True
    )
    rule = rules.find(name)
    outcomes = run_many(
        d2l, rule, configurations, tuple(rule.hyperparams), unwrapped(data_iter), epochs
    )
    curves = [
        train.from_scratch(
            d2l, getattr(d2l, name), None, c, data_iter, feature_dim, epochs
        )
        for c in configurations
    ]
    return outcomes, curves


@pytest.mark.parametrize("name", RULES)
def test_each_is_what_a_single_run_gives(d2l, name):
    outcomes, curves = many(d2l, name, configurations_of(name))
    for outcome, curve in zip(outcomes, curves, strict=True):
        assert outcome.steps == curve.steps
        assert outcome.num_steps == curve.num_steps
        assert outcome.diverged is None
        np.testing.assert_allclose(outcome.losses, curve.losses, rtol=1e-5)


def test_in_float64_they_agree_far_better(d2l):
    configurations = configurations_of("rmsprop")
    outcomes, curves = many(d2l, "rmsprop", configurations, "float64", batch_size=64)
    for outcome, curve in zip(outcomes, curves, strict=True):
        np.testing.assert_allclose(outcome.losses, curve.losses, rtol=1e-10)


def test_one_that_diverges_disturbs_no_other(d2l):
    rates = [0.01, 5.0, 0.05, 1e30]
    outcomes, curves = many(d2l, "sgd", [{"lr": lr} for lr in rates])
    alone, _ = many(d2l, "sgd", [{"lr": lr} for lr in rates[::2]])
    for outcome, curve in zip(outcomes, curves, strict=True):
        assert outcome.steps == curve.steps
        np.testing.assert_allclose(outcome.losses, curve.losses, rtol=1e-5)
        # At which step, as a single run says it. (Whether inf or NaN may differ.)
        said = [(x or "").split("by step") for x in (outcome.diverged, curve.diverged)]
        assert said[0][1:] == said[1][1:]
    assert [o.diverged is None for o in outcomes] == [True, False, True, False]
    for together, apart in zip(outcomes[::2], alone, strict=True):
        np.testing.assert_allclose(together.losses, apart.losses, rtol=1e-6)


def test_when_all_diverge_the_run_ends(d2l):
    outcomes, _ = many(d2l, "sgd", [{"lr": 1e20}, {"lr": 1e30}])
    assert [len(o.losses) for o in outcomes] == [1, 1]


def test_slices_give_what_the_whole_gives(d2l):
    """Also a slice that is filled up, and one configuration alone."""
    grid = grid_of("adam", {"lr": "1e-3:0.1:log:5", "beta2": "0.9,0.999"})
    dataset = np.random.default_rng(0).normal(size=(60, 5))
    sweep = Sweep("adam", d2l.name, grid, 2, 1)
    X, y = dataset, dataset.sum(1)
    whole = compute(sweep, X, y, Task(1, 0, 10))
    parts = [
        record
        for start, stop in [(0, 4), (4, 9), (9, 10)]
        for record in compute(sweep, X, y, Task(1, start, stop))
    ]
    assert [p["hyperparams"] for p in parts] == [w["hyperparams"] for w in whole]
    for part, one in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part["losses"], one["losses"], rtol=1e-6)
        assert part["seed"] == one["seed"] == 1
        assert part["backend"] == d2l.name


def test_programs_are_compiled_once_for_all_tasks(d2l):
    """A framework that compiles does so for the first task of a shape, and no other."""
    from d2lopt.backend.tools import compile_clock

    data_iter, _ = d2l.get_data_ch11(10, source="stand-in", quiet=True)
    rule = rules.find("momentum")
    seconds = []
    for seed in range(3):
        batches = Minibatches(
            d2l, unwrapped(data_iter).X, unwrapped(data_iter).y, 10, seed
        )
        before = compile_clock.seconds
        rates = [{"lr": 0.001 * (seed + k + 1), "momentum": 0.5} for k in range(7)]
        run_many(d2l, rule, rates, ("lr",), batches, 1)
        seconds.append(compile_clock.seconds - before)
    assert max(seconds[1:]) <= 0.2 * seconds[0]


def test_the_rule_is_the_one_of_the_library(d2l, monkeypatch):
    """It is called with K columns, and is none of the sweep's own."""
    from d2lopt.train import many as sweep_run

    shapes = []

    def rule(d2l, params, grads, states, hyperparams):
        shapes.append([tuple(x.shape) for x in (*params, *grads, hyperparams["lr"])])
        rules.sgd(d2l, params, grads, states, hyperparams)

    sweep_run._interval.cache_clear()
    watched = rules.find("sgd")._replace(step=rule)
    batches = Minibatches(d2l, np.ones((40, 5), "f4"), np.ones(40, "f4"), 10)
    run_many(d2l, watched, [{"lr": 0.1}, {"lr": 0.2}], ("lr",), batches, 1)
    assert set(map(tuple, shapes)) == {((6, 2), (6, 2), (1, 2))}


# ------------------------------------------------------------------ the loss, by itself


@pytest.mark.parametrize("K", [1, 3])
def test_the_gradient_of_many_is_that_of_each(d2l, K):
    """LinearLoss with w (d, K), b (1, K), against w (d, 1), b (1,), and both in one."""
    rng = np.random.default_rng(0)
    X, y, weight = (rng.normal(size=s) for s in [(8, 5), (8, 1), (8, 1)])
    w, b = rng.normal(size=(5, K)), rng.normal(size=(1, K))
    both = d2l.value_and_grad(LinearLoss(d2l))

    def tensors(*arrays):
        return [d2l.tensor(a, "float64") for a in arrays]

    def grads(params, *batch):
        value, found = both([d2l.variable(p) for p in tensors(*params)], *batch)
        return float(d2l.numpy(value)), [d2l.numpy(g) for g in found]

    batch = tensors(X, y, weight)
    value, (by_w, by_b) = grads((w, b), *batch)
    assert (by_w.shape, by_b.shape) == ((5, K), (1, K))
    singles = [grads((w[:, [k]], b[0, [k]]), *batch) for k in range(K)]
    assert singles[0][1][1].shape == (1,)
    assert value == pytest.approx(sum(v for v, _ in singles), rel=1e-12)
    np.testing.assert_allclose(by_w, np.hstack([g for _, (g, _) in singles]), 1e-12)
    np.testing.assert_allclose(by_b[0], np.hstack([g for _, (_, g) in singles]), 1e-12)
    ones = tensors(np.hstack([X, np.ones((8, 1))]), y, weight)
    joined, (by_both,) = grads((np.vstack([w, b]),), *ones)
    assert joined == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(by_both, np.vstack([by_w, by_b]), rtol=1e-12)


def test_a_look_is_the_loss_over_all_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), rng.normal(size=(300, 1))
    weights = rng.normal(size=(6, 4))
    residuals = X @ weights[:5] + weights[5] - y
    expected = np.square(residuals).mean(0) / 2
    np.testing.assert_allclose(Look(with_ones(X), y)(weights), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_look_is_inf_where_a_square_of_one_row_is(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)).astype(dtype)
    y = rng.normal(size=(300, 1)).astype(dtype)
    greatest = float(np.sqrt(np.finfo(dtype).max))
    sizes = np.geomspace(greatest / 1000, greatest, 400)
    weights = (sizes * rng.normal(size=(6, 1))).astype(dtype)
    with np.errstate(over="ignore"):
        squares = np.square(X @ weights[:5] + weights[5] - y)
        single = np.isfinite((squares / dtype_of(dtype, 300)).sum(0))
    found = np.isfinite(Look(with_ones(X), y)(weights))
    assert not single.all()
    assert single.any()
    assert (found == single).all()


def dtype_of(name: str, value: float) -> np.generic:
    return np.dtype(name).type(value)


def test_a_share_keeps_its_complement():
    gamma = np.array([[0.999, 0.5]])
    share = Share(gamma.astype("f4"), (1 - gamma).astype("f4"))
    x = np.full((3, 2), 2.0, "f4")
    np.testing.assert_array_equal(1 - share, np.array([[0.001, 0.5]], "f4"))
    assert abs(float((1 - share.value)[0, 0]) / 0.001 - 1) > 1e-6  # what it is for
    for found, expected in [
        (share * x, share.value * x),
        (x * share, share.value * x),
        (share + x, share.value + x),
        (share - x, share.value - x),
        (x - share, x - share.value),
        (2 - share, 2 - share.value),
        (share / x, share.value / x),
        (share**2, share.value**2),
        (share * share, share.value * share.value),
    ]:
        np.testing.assert_array_equal(found, expected)


# ------------------------------------------------------------------------ what it found


def record(lr: float, seed: int, loss: float | None) -> dict:
    losses = [0.5, 0.4] + ([] if loss is None else [loss])
    return {
        "hyperparams": {"lr": lr},
        "seed": seed,
        "loss": loss,
        "losses": losses,
        "steps": [0, 20, 40][: len(losses)],
        "num_steps": 40,
    }


def found_by(losses: dict[float, list[float | None]]):
    seeds = len(next(iter(losses.values())))
    sweep = Sweep("sgd", "numpy", {"lr": sorted(losses)}, seeds)
    records = [
        record(lr, s, x) for lr, all_ in losses.items() for s, x in enumerate(all_)
    ]
    return sweep, sweep_summary.settings_of(sweep, records)


def test_the_best_comes_first_and_what_diverged_last():
    sweep, settings = found_by(
        {0.1: [0.3, 0.4], 0.2: [0.2, 0.3], 0.3: [0.1, None], 0.4: [None, None]}
    )
    assert [s.hyperparams["lr"] for s in settings] == [0.2, 0.1, 0.3, 0.4]
    assert settings[0].mean == pytest.approx(0.25)
    assert settings[0].error == pytest.approx(0.05)
    assert settings[2].mean == math.inf
    notes = " ".join(sweep_summary.notes(sweep, settings))
    assert "2 of 4 settings diverged, 1 of them with some seeds only" in notes


def test_settings_are_told_apart_seed_by_seed():
    """What all seeds agree on is sure, however much they differ among themselves."""
    shared = [0.2, 0.4, 0.3, 0.5]
    _, settings = found_by(
        {
            0.1: shared,
            0.2: [1.01 * x for x in shared],  # worse with every seed
            0.4: [x * f for x, f in zip(shared, [1.01, 1.02, 1.03, 1.02], strict=True)],
            0.3: [x * f for x, f in zip(shared, [1.3, 0.9, 1.2, 0.9], strict=True)],
            0.5: [x * f for x, f in zip(shared, [1.1, 1.2, 1.1, 9], strict=True)],
        }
    )
    alike = sweep_summary.as_good_as_best(settings)
    assert [s.hyperparams["lr"] for s in alike] == [0.1, 0.3]


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ({0.1: [0.3], 0.2: [0.2], 0.3: [0.3]}, "One seed gives no uncertainty"),
        ({0.1: [0.3, 0.4], 0.2: [0.2, 0.2], 0.3: [0.9, 1]}, "told apart from every"),
        ({0.1: [0.3, 0.3], 0.2: [0.4, 0.4], 0.3: [0.5, 0.5]}, "the end of its range"),
        ({0.1: [None], 0.2: [None]}, "Every setting diverged: try a smaller lr"),
    ],
)  # fmt: skip
def test_the_notes_say_how_sure_it_is(losses, words):
    sweep, settings = found_by(losses)
    assert words in " ".join(sweep_summary.notes(sweep, settings))
    sweep_summary.table(sweep, settings).print()


def test_a_hyperparameter_at_its_bound_can_go_no_further():
    grid = grid_of("momentum", {"momentum": "0,0.5,0.9"})
    sweep = Sweep("momentum", "numpy", grid)
    configuration = {"lr": 0.005, "momentum": 0.0}
    best = sweep_summary.Setting(configuration, (0.2,), 1, ())
    assert sweep_summary.at_the_edge(sweep, best) == []


@pytest.mark.parametrize(
    "given",
    [{}, {"lr": "1e-3:30:log:8"}, {"lr": "1e-3:30:log:8", "momentum": "0,0.9"}],
)
def test_the_figures_show_what_diverged(given, tmp_path):
    optimizer = "momentum"
    grid = grid_of(optimizer, given)
    sweep = Sweep(optimizer, "numpy", grid, 2, 20, data="stand-in")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    records = [r for t in sweep.tasks() for r in compute(sweep, X, X.sum(1), t)]
    settings = sweep_summary.settings_of(sweep, records)
    figure = sweep_plot.final_losses(sweep, settings)
    assert (figure is None) == (not given)
    if figure is not None:
        legends = [*figure.legends, *(a.get_legend() for a in figure.axes)]
        words = [t.get_text() for one in legends if one for t in one.get_texts()]
        assert "every seed diverged" in words
        figure.savefig(tmp_path / "map.png")
    curves = sweep_plot.curves(sweep, settings)
    assert len(curves.axes[0].lines) == min(4, sum(not s.diverged for s in settings))
    assert "stand-in" in curves.texts[0].get_text()
    curves.savefig(tmp_path / "curves.png")


@pytest.mark.parametrize(
    ("beta2", "panels"), [("0.9,0.99,0.999", 3), ("0:0.9:lin:13", 1)]
)
def test_three_that_vary_make_panels_or_the_best_slice(beta2, panels, tmp_path):
    given = {"lr": "1e-3:1:log:14", "beta1": "0:0.9:lin:14", "beta2": beta2}
    sweep = Sweep("adam", "numpy", grid_of("adam", given), 1, 1)
    records = [
        {**record(0.1, 0, 0.3 + i % 7 / 100), "hyperparams": c}
        for i, c in enumerate(sweep.configurations)
    ]
    settings = sweep_summary.settings_of(sweep, records)
    figure = sweep_plot.final_losses(sweep, settings)
    titled = [a for a in figure.axes if a.get_title()]
    assert len(titled) == panels
    assert ("(the best)" in titled[0].get_title()) == (panels == 1)
    figure.savefig(tmp_path / "map.png")


# --------------------------------------------------------------------- the command line


def command(*words: str):
    return CliRunner().invoke(main, ["sweep", *words])


def test_the_command_leaves_records_and_figures(tmp_path):
    words = ["rmsprop", "--lr", "1e-3:0.1:log:5", "--gamma", "0.9,0.99", "--seeds", "2"]
    words += ["--epochs", "1", "--data", "stand-in", "--jobs", "1", "--out", "here"]
    result = command(*words)
    assert result.exit_code == 0, result.output
    assert "Not told apart" in result.output or "is told apart" in result.output
    lines = [json.loads(x) for x in (tmp_path / "here/records.jsonl").open()]
    assert len(lines) == 20
    for stem in ("sweep-map", "sweep-curves"):
        for kind in ("png", "svg"):
            assert (tmp_path / f"here/{stem}.{kind}").stat().st_size > 1000
    again = command(*words, "--json")
    assert "20 of 20 runs are in here already" in again.stderr
    summary = json.loads(again.stdout)
    assert summary["runs"] == 20
    assert summary["best"][0]["loss"] == pytest.approx(
        min(
            np.mean([a["loss"], b["loss"]])
            for a in lines
            for b in lines
            if a["hyperparams"] == b["hyperparams"] and a["seed"] < b["seed"]
        )
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rmsprob"], "Did you mean 'rmsprop'"),
        (["sgd", "--gamma", "0.9"], "unknown hyperparameter of sgd 'gamma'"),
        (["sgd", "--lr", "fast"], "--lr must be a number, v1,v2"),
        (["sgd", "--lr", "-0.1:1:lin:3"], "lr must be a number from 0 upwards"),
        (["rmsprop", "--gamma", "0.5,1.5"], "gamma must be a number from 0 to 1"),
        (["sgd", "--backend", "torhc"], "Did you mean 'torch'"),
        (["sgd", "--batch-size", "2000"], "--batch-size must be from 1 to 1500"),
        (["sgd", "--lr", "1e-4:1:log:50000", "--seeds", "9"], "it may have 100000"),
        (["sgd", "--scheduler", "nonsense"], "no Dask scheduler answers at nonsense"),
    ],
)
def test_what_cannot_be_swept_is_one_sentence(words, message):
    if "--scheduler" in words:
        pytest.importorskip("distributed", reason="Dask is not installed")
    result = command(*words, "--data", "stand-in")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2  # one is about the data


def test_a_framework_that_is_missing_says_how_to_get_it(monkeypatch):
    from d2lopt.backend import environment

    monkeypatch.setattr(environment, "is_installed", lambda name: name == "numpy")
    result = command("sgd", "--backend", "paddle", "--data", "stand-in")
    assert result.exit_code == 2
    assert "PaddlePaddle is not installed. Install it with" in result.stderr or (
        "Paddle is not installed" in result.stderr
    )
