"""Why built-in optimizers differ, and how to write one framework's call in another."""

import contextlib
import json
import re
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.book import plot
from d2lopt.conventions import explain, show
from d2lopt.conventions.formulas import formulas
from d2lopt.conventions.scenario import BuiltinFormula
from d2lopt.conventions.table import ROWS, find_row
from d2lopt.conventions.translate import as_lines, measured, parse, translate
from d2lopt.errors import InputError
from d2lopt.rules import optimizers as rules
from d2lopt.train import concise
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


# ---------------------------------------------------------------------------- translate

TORCH = ["alpha=0.9", "eps=1e-2"]
DECAYED = ["momentum=0.9", "weight_decay=0.1"]

# (from, to, words, exact, the call)
CASES = [
    ("tensorflow", "paddle", ["rho=0.9", "momentum=0.5"], True,
     "paddle.optimizer.RMSProp(parameters=net.parameters(), learning_rate=0.001, "
     "rho=0.9, epsilon=1e-07, momentum=0.5)"),
    ("tensorflow", "jax", ["learning_rate=0.01", "centered=True"], True,
     "optax.rmsprop(learning_rate=0.01, decay=0.9, eps=1e-07, centered=True)"),
    ("tensorflow", "mxnet", ["learning_rate=0.01"], True,
     'gluon.Trainer(net.collect_params(), "rmsprop", dict(learning_rate=0.01, '
     "gamma1=0.9, epsilon=1e-07, gamma2=0.0))"),
    ("mxnet", "tensorflow", ["centered=True"], True,
     "tf.keras.optimizers.RMSprop(learning_rate=0.001, rho=0.9, epsilon=1e-08, "
     "momentum=0.9, centered=True)"),
    ("torch", "jax", [*TORCH, "weight_decay=0.01", "momentum=0.5"], True,
     "optax.chain(optax.add_decayed_weights(0.01), optax.rmsprop(learning_rate=0.01, "
     "decay=0.9, eps=0.01, momentum=0.5, eps_in_sqrt=False))"),
    ("torch", "paddle", ["eps=0", "weight_decay=0.01"], True,
     "paddle.optimizer.RMSProp(parameters=net.parameters(), learning_rate=0.01, "
     "rho=0.99, epsilon=0.0, weight_decay=0.01)"),
    ("tensorflow", "paddle", ["clipvalue=0.5"], True,
     "paddle.optimizer.RMSProp(parameters=net.parameters(), learning_rate=0.001, "
     "rho=0.9, epsilon=1e-07, grad_clip=paddle.nn.ClipGradByValue(0.5))"),
    ("torch", "tensorflow", TORCH, False, None),
    ("tensorflow", "torch", ["epsilon=0.01"], False, None),
    ("tensorflow", "paddle", ["weight_decay=0.01"], False, None),
    ("tensorflow", "torch", ["epsilon=0.0", "clipnorm=0.5"], False, None),
    ("paddle", "mxnet", ["learning_rate=0.01", "momentum=0.5"], False, None),
    ("mxnet", "paddle", ["wd=0.1", "clip_gradient=0.1"], False, None),
    ("jax", "paddle", ["learning_rate=0.01", "initial_scale=1.0"], False, None),
]  # fmt: skip
IDS = [f"{a}-{b}-{'-'.join(words)}" for a, b, words, *_ in CASES]


@pytest.mark.parametrize(("source", "target", "words", "exact", "call"), CASES, ids=IDS)
def test_translations(source, target, words, exact, call):
    found = measured(translate("rmsprop", source, target, words), "stand-in")
    assert found.exact == exact, found.lost
    assert call is None or found.call == call
    assert bool(found.lost) == (not exact)
    # What the two rules do on the data bears it out.
    if exact:
        assert found.largest_difference < 1e-12
    else:
        assert found.largest_difference > 1e-6
    assert f"exact: {'yes' if exact else 'no'}" in as_lines(found)


def test_a_translation_of_a_run_that_diverges_has_no_final_difference():
    found = measured(translate("rmsprop", "torch", "jax", ["lr=1e200"]), "stand-in")
    assert found.final_difference is None
    assert json.loads(json.dumps(asdict(found), allow_nan=False))
    assert "on the data: a run diverged; until then" in as_lines(found)[-1]


def run_side(d2l, name, settings):
    """The built-in of the framework with these settings, on the stand-in."""
    row = find_row(name, "rmsprop")
    data_iter, feature_dim = d2l.get_data_ch11(10, source="stand-in", quiet=True)
    trainer, words = row.resolve(d2l, settings)
    return concise.built_in(d2l, trainer, words, data_iter, feature_dim).losses


EXACT = [case[:3] for case in CASES if case[3]]
PAIRS = [
    (a, b, words)
    for a in OWN
    for b in OWN
    if a != b
    for keywords in [find_row(a, "rmsprop").keywords]
    for words in [[f"{keywords['eps']}=0.0", f"{keywords['lr']}=0.01"]]
]


def test_both_sides_of_every_exact_translation_are_run(d2l, backend, oracle):
    """Each side on its own framework, against the one rule that both compute.

    The two sides need two processes; both are held against NumPy, to half the bound
    that is claimed for them together.
    """
    if not ROWS[backend]:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    sides = 0
    for source, target, words in EXACT + PAIRS:
        found = translate("rmsprop", source, target, words)
        assert found.exact
        row = find_row(source, "rmsprop")
        exact = BuiltinFormula("rmsprop", row.traits, found.source_settings)
        for name, settings in (
            (source, found.source_settings),
            (target, found.target_settings),
        ):
            if name == backend:
                losses = run_side(d2l, backend, settings)
                expected = exact.losses(0, "stand-in", 10)
                np.testing.assert_allclose(
                    losses, expected, rtol=5e-7, err_msg=found.call
                )
                sides += 1
    assert sides >= 8


# ---------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["alphaa=0.9"],
            r"unknown option of PyTorch's .*'alphaa'. Did you mean 'alpha'",
        ),
        (["alpha"], "'alpha' is not of the form name=value"),
        (["alpha=high"], "alpha must be a number; got 'high'"),
        (["alpha=None"], "alpha must be a number; got 'None'"),
        (["alpha=1.5"], "alpha must be a number from 0 to 1; got 1.5"),
        (["lr=-1"], "lr must be a number from 0 upwards; got -1"),
        (["eps=-1e-8"], "eps must be a number from 0 upwards"),
        (["momentum=True"], "momentum must be a number; got 'True'"),
        (["centered=0.5"], "centered must be True or False; got '0.5'"),
        (["alpha=(0.9, 0.99)"], "unknown option .*'alpha.0'. Did you mean 'alpha'"),
        (["alpha=ClipGradByValue(1)"], r"alpha must be a number; got"),
        (["lr=__import__('os')"], "lr must be a number; got"),
    ],
)
def test_bad_words(words, message):
    with pytest.raises(InputError, match=message):
        translate("rmsprop", "torch", "tensorflow", words)


def test_words_that_are_calls_or_tuples_of_the_framework():
    row = find_row("paddle", "rmsprop")
    words = ["grad_clip=paddle.nn.ClipGradByValue(0.5)", "weight_decay=0.01"]
    assert parse("paddle", row, words) == {"clip_value": 0.5, "weight_decay": 0.01}
    assert parse("paddle", row, ["weight_decay=L1Decay(0.1)"]) == {"l1_decay": 0.1}
    with pytest.raises(InputError, match=r"grad_clip must be ClipGradByValue\(…\) or"):
        parse("paddle", row, ["grad_clip=0.5"])
    adam = find_row("torch", "adam")
    found = parse("torch", adam, ["betas=(0.8, 0.9)"])
    assert found == {"beta1": 0.8, "beta2": 0.9}


@pytest.mark.parametrize(
    ("kind", "source", "target", "words", "lost"),
    [
        ("adam", "torch", "jax", [], None),
        ("adam", "torch", "tensorflow", [], "ε is added to √v̂"),
        ("adam", "tensorflow", "mxnet", [], None),
        ("sgd", "torch", "tensorflow", ["lr=0.1"], None),
        ("sgd", "torch", "tensorflow", ["weight_decay=0.1"], None),
        ("momentum", "torch", "tensorflow", DECAYED, "weight decay is"),
        ("momentum", "paddle", "jax", ["use_nesterov=True"], None),
        ("momentum", "torch", "mxnet", ["momentum=0.5", "nesterov=True"], None),
        ("adagrad", "tensorflow", "jax", [], None),
        ("adagrad", "tensorflow", "mxnet", [], "s starts at 0.1 in TensorFlow"),
    ],
)
def test_other_optimizers_are_translated_too(kind, source, target, words, lost):
    found = measured(translate(kind, source, target, words), "stand-in")
    assert found.exact == (lost is None), found.lost
    assert lost is None or found.lost[0].startswith(lost)
    assert (found.largest_difference < 1e-12) == found.exact


def test_a_required_word_that_is_missing():
    with pytest.raises(InputError, match="Paddle's .*RMSProp needs learning_rate"):
        translate("rmsprop", "paddle", "torch", [])


@given(st.lists(st.text(max_size=20), max_size=3))
def test_any_words_are_parsed_or_refused_in_a_sentence(words):
    row = find_row("torch", "rmsprop")
    with contextlib.suppress(InputError):
        assert len(parse("torch", row, words)) <= len(words)


@given(
    st.floats(0, 1),
    st.floats(0, 1e3, allow_subnormal=False),
    st.floats(0, 1),
    st.booleans(),
)
def test_parsing_what_was_written_gives_the_settings_back(
    gamma, eps, momentum, centered
):
    words = [f"rho={gamma!r}", f"epsilon={eps!r}", f"momentum={momentum!r}"]
    words.append(f"centered={centered}")
    row = find_row("tensorflow", "rmsprop")
    settings = parse("tensorflow", row, words)
    assert settings == {
        "gamma": gamma,
        "eps": eps,
        "momentum": momentum,
        "centered": centered,
    }


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


@pytest.mark.processes
def test_translate_prints_the_call_and_json():
    ends = ["--from", "torch", "--to", "tensorflow", "--data", "stand-in"]
    words = ["alpha=0.99", "eps=1e-8", "momentum=0.9"]
    run = d2lopt("translate", "rmsprop", *ends, *words)
    assert run.returncode == 0, run.stderr
    assert (
        "tf.keras.optimizers.RMSprop(learning_rate=0.01, rho=0.99, epsilon=1e-08, "
        "momentum=0.9)"
    ) in run.stdout
    assert "exact: no" in run.stdout
    run = d2lopt("translate", "rmsprop", *ends, *words, "--json")
    found = json.loads(run.stdout)
    assert found["exact"] is False
    assert "outside the root" in found["lost"][0]
    assert found["largest_difference"] > 0


@pytest.mark.slow
@pytest.mark.processes
def test_a_version_that_was_never_checked_is_measured(tmp_path):
    """The metadata of another version, in front of the real package's."""
    info = tmp_path / "torch-9.9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torch\nVersion: 9.9.9\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += "from d2lopt.cli import main; main()"
    run = subprocess.run(
        [
            *[sys.executable, "-c", code, "translate", "rmsprop", "--from", "torch"],
            *["--to", "jax", "eps=0.1", "--data", "stand-in"],
        ],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "was never checked before (the table knows 2.13.0)" in run.stdout
    assert "measured now, its rmsprop conforms to its row" in run.stdout
