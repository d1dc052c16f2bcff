"""How one framework's call of an optimizer is written in another's."""

import contextlib
import json
import re
import subprocess
import sys
import warnings
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions.conformance import BASE, cases
from d2lopt.conventions.scenario import BuiltinFormula
from d2lopt.conventions.table import ROWS, find_row, kind_of, row_of
from d2lopt.conventions.translate import as_lines, measured, parse, translate
from d2lopt.errors import InputError
from d2lopt.train import concise

OWN = [name for name, rows in ROWS.items() if rows]


def d2lopt(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "d2lopt", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=250,
    )


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


# --------------------------------------------------------- every optimizer, every pair


def words_of(row, settings):
    """The settings as words of the framework; None if it takes no word for one."""
    words = []
    for name, value in settings.items():
        if name in row.objects:
            path = row.objects[name].split(".")[-1]
            words.append(f"{row.keywords[name]}={path}({value!r})")
        elif name in row.keywords:
            words.append(f"{row.keywords[name]}={value!r}")
        elif name != "lr" and name not in row.fixed:
            return None
    return words


ROWS_WITH_TARGETS = [
    (source, optimizer)
    for optimizer in [*BASE, "nesterov"]
    for source in OWN
    if find_row(source, *kind_of(optimizer))
]


def targets(source, optimizer):
    having = [name for name in OWN if find_row(name, *kind_of(optimizer))]
    return [name for name in having if name != source]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "optimizer"), ROWS_WITH_TARGETS)
def test_what_is_said_to_be_exact_is_and_nothing_else(source, optimizer):
    """From every built-in, in each of its options, to every other framework's."""
    row = row_of(source, optimizer)
    for options in cases(row):
        words = words_of(row, {**BASE[row.kind], **options})
        if words is None or (optimizer == "nesterov" and "nesterov" in options):
            continue
        for target in targets(source, optimizer):
            said = measured(translate(optimizer, source, target, words), "stand-in")
            same = said.largest_difference < 1e-12
            assert said.exact == same, (target, words, said.lost)


@pytest.mark.parametrize("lr", ["0.0", "1e39", "1e150", "1e200", "1e308"])
@pytest.mark.parametrize(("source", "optimizer"), ROWS_WITH_TARGETS)
def test_any_learning_rate_gives_json_and_sentences(source, optimizer, lr):
    """One of 0 changes no parameter, which is no mistake; a huge one diverges."""
    row = row_of(source, optimizer)
    words = [f"{row.keywords['lr']}={lr}"] if "lr" in row.keywords else []
    if row.kind == "momentum":
        words.append(f"{row.keywords['momentum']}=0.9")
    for target in targets(source, optimizer):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            said = measured(translate(optimizer, source, target, words), "stand-in")
        json.dumps(asdict(said), allow_nan=False)
        assert not re.search(r"\b(nan|inf)\b", "\n".join(as_lines(said)))


def test_a_rate_that_the_first_ignores_is_1_in_the_other():
    call = "learning_rate=1.0, rho=0.9, epsilon=1e-05"
    said = translate("adadelta", "mxnet", "tensorflow", [])
    assert (said.call, said.exact) == (f"tf.keras.optimizers.Adadelta({call})", True)
    said = translate("adadelta", "torch", "mxnet", ["lr=0.5"])
    assert said.lost == ["the learning rate is ignored in MXNet's adadelta."]


def test_momentum_of_0_leaves_no_buffer_for_decay_to_pass_through():
    for momentum, exact in (("0.0", True), ("0.5", False)):
        words = ["weight_decay=0.1", f"momentum={momentum}"]
        assert translate("momentum", "torch", "tensorflow", words).exact == exact


def test_nesterov_is_momentum_with_an_option():
    said = translate("nesterov", "torch", "mxnet", ["momentum=0.5"])
    assert said.before.endswith("lr=0.001, momentum=0.5, nesterov=True)")
    assert '"nag", dict(learning_rate=0.001, momentum=0.5)' in said.call
    back = translate("nesterov", "mxnet", "torch", ["momentum=0.5"])
    assert back.call.endswith("momentum=0.5, nesterov=True)")
    with pytest.raises(InputError, match="nesterov needs momentum, above 0"):
        translate("nesterov", "torch", "mxnet", [])


# -------------------------------------------------------------------------------- words


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
        (["alpha=0.99", "lr=1", "alpha=0.5"], "^alpha is given twice: give it once"),
        (["alpha=0.99", "alpha=0.99"], "^alpha is given twice"),
    ],
)
def test_bad_words(words, message):
    with pytest.raises(InputError, match=message):
        translate("rmsprop", "torch", "tensorflow", words)


@pytest.mark.parametrize(
    "words", [["betas=(0.9, 0.99)"] * 2, ["betas=(0.9, 0.99)", "betas.0=0.8"]]
)
def test_a_tuple_is_given_once(words):
    with pytest.raises(InputError, match="^betas is given twice: give it once"):
        translate("adam", "torch", "jax", words)


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


# ------------------------------------------------------------------------- the command


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
