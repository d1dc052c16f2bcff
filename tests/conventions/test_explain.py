"""Why built-in optimizers differ: the factors, their sizes, and how they are shown."""

import json
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.book import plot
from d2lopt.conventions import explain, show
from d2lopt.conventions.conformance import BASE
from d2lopt.conventions.formulas import formulas
from d2lopt.conventions.table import ROWS
from d2lopt.rules import optimizers as rules
from d2lopt.show import figures
from d2lopt.train import scratch as train

OWN = [name for name, rows in ROWS.items() if rows]


def d2lopt(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "d2lopt", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=250,
    )


# ------------------------------------------------------------------------------ explain


def test_every_framework_has_its_formula_names_and_defaults(capsys):
    found = {f["backend"]: f for f in formulas("rmsprop")}
    assert list(found) == OWN
    torch = found["torch"]
    assert torch["call"] == "torch.optim.RMSprop(net.parameters(), …)"
    assert torch["defaults"]["alpha"] == 0.99
    assert torch["formula"][1] == "p ← p − lr·ĝ / (√s + eps)"
    assert found["tensorflow"]["formula"][1].endswith("/ √(s + epsilon)")
    assert "p ← p − lr·b" in torch["formula"][3]
    assert found["paddle"]["defaults"]["learning_rate"] == "required"
    assert found["mxnet"]["formula"][3].startswith("if centered: b ← gamma2·b")
    show.formula_table("rmsprop").print()
    text = capsys.readouterr().out
    for name in OWN:
        assert FRAMEWORKS[name].title in text


@pytest.fixture(scope="session")
def found():
    return explain.explain("rmsprop", "torch", "tensorflow", {}, "stand-in", seeds=4)


def test_each_factor_is_there_beside_the_spread(found):
    factors = [e.factor for e in found.effects]
    assert factors == [
        "η's value",
        "γ's value",
        "ε's value",
        "ε's place",
        "all in which the two differ",
        "decay",
        "start value of s",
        "loss factor",
        "epochs",
        "initial bias",
    ]
    assert [e.differs for e in found.effects] == [True] * 5 + [False] * 5
    assert found.spread > 1e-5
    for effect in found.effects:
        assert np.isfinite(effect.change)
        assert effect.of_the_spread == pytest.approx(abs(effect.change) / found.spread)
        assert len(effect.losses) == 4


def test_the_sizes_are_those_of_runs_that_differ_in_that_factor(found, oracle):
    """γ = 0.99 against 0.9, ε outside the root: run by hand."""
    finals = {0.99: [], 0.9: []}
    for seed in range(4):
        for gamma, losses in finals.items():
            data_iter, feature_dim = oracle.get_data_ch11(
                10, seed=seed, source="stand-in", dtype="float64", quiet=True
            )

            def rule(params, grads, states, hyperparams, gamma=gamma):
                for p, g, s in zip(params, grads, states, strict=True):
                    s[...] = gamma * s + (1 - gamma) * g**2
                    p[...] -= 0.01 * g / (np.sqrt(s) + 1e-8)

            def zeros(params):
                return rules.zeros_for_each(oracle, params)

            curve = train.from_scratch(oracle, rule, zeros, {}, data_iter, feature_dim)
            losses.append(curve.losses[-1])
    expected = np.median(np.subtract(finals[0.9], finals[0.99]))
    (effect,) = [e for e in found.effects if e.factor == "γ's value"]
    assert effect.change == pytest.approx(expected, rel=1e-9)
    assert effect.losses == pytest.approx(finals[0.9], rel=1e-9)
    assert found.spread == pytest.approx(np.std(finals[0.99], ddof=1), rel=1e-9)


def test_what_is_given_is_the_same_on_both_sides():
    settings = {"lr": 0.01, "gamma": 0.9, "eps": 0.1, "momentum": 0.5}
    found = explain.explain("rmsprop", "torch", "jax", settings, "stand-in", seeds=2)
    effects = {e.factor: e for e in found.effects}
    assert not [factor for factor in effects if factor.endswith("value")]
    assert effects["η and momentum"].on_the_way < 1e-12  # exact while η is constant
    # Then the place of ε is all that is left.
    place, everything = (
        effects["ε's place"],
        effects["all in which the two differ"],
    )
    assert place.change == pytest.approx(everything.change, rel=1e-6)
    assert abs(place.change) > 1e-6


def test_a_momentum_that_one_of_the_two_ignores_is_a_factor():
    settings = {"lr": 0.01, "momentum": 0.9}
    for source, target in (("mxnet", "jax"), ("jax", "mxnet")):
        found = explain.explain(
            "rmsprop", source, target, settings, "stand-in", seeds=2
        )
        effects = {e.factor: e for e in found.effects}
        (change,) = {
            effects["momentum"].change,
            effects["all in which the two differ"].change,
        }
        assert abs(change) > 1e-4
    # And by itself, MXNet's default of 0.9 is not used.
    alone = explain.explain("rmsprop", "mxnet", "tensorflow", {}, "stand-in", seeds=2)
    assert alone.settings["momentum"] == 0.0
    assert "momentum" not in {e.factor for e in alone.effects}


def test_runs_that_diverge_are_said_to(capsys):
    found = explain.explain(
        "rmsprop", "torch", "jax", {"lr": 1e200}, "stand-in", seeds=2
    )
    assert found.loss is None
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["spread"] is None
    show.effect_table(found).print()
    assert "diverged" in capsys.readouterr().out
    plot.pyplot().close(show.effect_figure(found))


@pytest.mark.parametrize("lr", [0.0, 1e150, 1e200])
def test_any_learning_rate_gives_json_a_table_and_a_figure(tmp_path, capsys, lr):
    """The greatest losses that are numbers are more than an axis can show."""
    for optimizer in [*BASE, "nesterov"]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            said = explain.explain(
                optimizer, "torch", "jax", {"lr": lr}, "stand-in", 2, 500
            )
            json.dumps(said.as_json(), allow_nan=False)
            show.effect_table(said).print()
            if optimizer == "rmsprop":
                picture = show.effect_figure(said)
                figures.save(picture, tmp_path, "explained")
                plot.pyplot().close(picture)
    text = capsys.readouterr().out
    assert not re.search(r"\b(nan|inf)\b|\d{30}", text)
    if lr == 0:
        assert text.count("With these settings, the two compute the same") == 8


def test_the_figure_shows_each_factor_and_the_spread(found):
    made = show.effect_figure(found)
    (axes,) = made.axes
    assert len(axes.texts) == len(found.effects)
    assert axes.lines[0].get_xdata()[0] == found.spread
    plot.pyplot().close(made)


@pytest.mark.slow
@pytest.mark.processes
def test_explain_prints_a_table_json_and_a_figure(tmp_path):
    pair = ["--from", "torch", "--to", "tensorflow", "--data", "stand-in", "--seeds", 2]
    run = d2lopt("explain", "rmsprop", *pair, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    assert "ε's place" in run.stdout
    assert re.search(r"the seed alone spreads it by ±\d", run.stdout)
    assert (tmp_path / "explain-torch-tensorflow.svg").exists()
    run = d2lopt("explain", "rmsprop", *pair, "--out", tmp_path, "--json")
    found = json.loads(run.stdout)
    assert found["unchecked"] == []
    assert {"factor", "change", "on_the_way"} <= set(found["effects"][0])
    run = d2lopt("explain", "rmsprop", "--json")
    assert [f["backend"] for f in json.loads(run.stdout)] == OWN


@pytest.mark.processes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explain", "rmsprop", "--from", "torch"], "--from and --to go together"),
        (
            ["explain", "rmsprop", "--from", "torhc", "--to", "jax"],
            "Did you mean 'torch'",
        ),
        (
            ["explain", "rmsprop", "--from", "numpy", "--to", "jax"],
            "NumPy has no rmsprop",
        ),
        (["explain", "rmsporp"], "Did you mean 'rmsprop'"),
        (
            ["explain", "rmsprop", "--from", "torch", "--to", "jax", "--gamma", "2"],
            "gamma must be a number from 0 to 1",
        ),
        (["translate", "rmsprop", "--from", "torch"], "Missing option '--to'"),
        (
            ["translate", "rmsprop", "--from", "torch", "--to", "jax", "alfa=1"],
            "Did you mean 'alpha'",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, words):
    run = d2lopt(*arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr
