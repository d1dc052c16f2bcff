"""Checks that teach: what is right passes, what is wrong is named, on every backend."""

import functools
import importlib
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from lab_right import RIGHT
from lab_wrong import RULES_TEXT, texts

from d2lopt import lab
from d2lopt.errors import InputError
from d2lopt.lab.catalogue import versions
from d2lopt.lab.catalogue.hints import HINTS
from d2lopt.lab.checks import exercises, probes
from d2lopt.lab.checks.check import check_function
from d2lopt.lab.checks.guard import quiet
from d2lopt.lab.checks.numbers import Numbers
from d2lopt.lab.checks.paths import path
from d2lopt.lab.checks.yardstick import Yardstick
from d2lopt.rules.optimizers import RULES

OWN = {"jax": "jax.numpy", "mxnet": "mxnet.numpy"}  # where each keeps its functions


def defined(d2l, text, name="rule", **more):
    """The function of that name in a text, as a notebook's cell defines it."""
    space = {"d2l": d2l, "np": np, "__name__": "__main__", **more}
    exec(compile(text, "<cell>", "exec"), space)
    return space[name]


def anew(d2l, make):
    """A rule of the catalogue as a student's, which begins anew with each run."""
    kept = {}

    def rule(params, grads, states, hyperparams):
        if kept.get("of") is not hyperparams:
            kept.update(of=hyperparams, step=make())
        every = {**hyperparams, **hyperparams.unlisted}
        kept["step"](d2l, params, grads, states, every)

    return rule


# ------------------------------------------------------------------------ what is right


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_of_the_library_pass(d2l, rule):
    result = check_function(getattr(d2l, rule), rule, d2l)
    assert (result.passed, result.mistake, result.hint) == (True, None, "")


@pytest.mark.parametrize(
    ("rule", "style", "text", "where"), RIGHT, ids=[f"{r[0]}: {r[1]}" for r in RIGHT]
)
def test_a_correct_rule_in_any_style_passes(d2l, backend, rule, style, text, where):
    if where is not None and backend not in where:
        pytest.skip(f"{backend} has no way to write it like this: {style}")
    own = importlib.import_module(OWN.get(backend, backend))
    result = check_function(defined(d2l, text, own=own), rule, d2l)
    assert result.passed, result


def test_there_are_thirty_styles_and_more_on_every_backend(backend):
    there = [where is None or backend in where for _, _, _, where in RIGHT]
    assert sum(there) >= 30


# ------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize("rule", RULES)
def test_wrong_rules_as_students_write_them_are_named(d2l, rule):
    assert check_function(defined(d2l, RULES_TEXT[rule], rule), rule, d2l).passed
    wrong = list(texts(rule))
    found = []
    for _, text in wrong:
        result = check_function(defined(d2l, text, rule, total=[]), rule, d2l)
        assert not result.passed
        found.append(result.mistake)
    assert found == [mistake for mistake, _ in wrong]
    assert len(set(found)) >= 15


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_every_wrong_rule_of_the_catalogue_is_named(d2l, backend, rule):
    """In each of its forms with NumPy; elsewhere, one form of each."""
    wrongs = versions.with_one_mistake(rule)
    if backend != "numpy":
        wrongs = {w.mistakes[0]: w for w in reversed(wrongs)}.values()
    found = [check_function(anew(d2l, w.make), rule, d2l).mistake for w in wrongs]
    assert found == [w.mistakes[0] for w in wrongs]


def same_path(oracle, rule, one, two, probe):
    """Whether two rules of the catalogue lead through the same points."""
    with quiet():
        a, b = (path(oracle, rule, make, probe, "float64") for make in (one, two))
        yardstick = Yardstick(probe, "float64")
        steps = range(1, len(probe.grads) + 1)
        return all(yardstick.same(a.after(t), b.after(t)) for t in steps)


@pytest.mark.parametrize("rule", RULES)
def test_any_two_of_the_catalogue_can_be_told_apart(oracle, rule):
    """By the path, by which states were changed, or from other starts of these."""
    naming = probes.naming(rule)
    aliased = probes.aliased(rule)

    def alike(one, two):
        if not all(same_path(oracle, rule, one, two, probe) for probe in naming):
            return False
        touched = [
            path(oracle, rule, x, naming[0], "float64").touched for x in (one, two)
        ]
        same = same_path(oracle, rule, one, two, aliased)
        return touched[0] == touched[1] and same

    wrongs = versions.with_one_mistake(rule)
    for one, two in itertools.combinations(wrongs, 2):
        if one.mistakes != two.mistakes:
            assert not alike(one.make, two.make), (one.mistakes, two.mistakes)
    for wrong, right in itertools.product(wrongs, versions.right(rule)):
        pairs = (same_path(oracle, rule, wrong.make, right, p) for p in naming)
        assert not all(pairs), wrong.mistakes


MAKE_UP_FOR_EACH_OTHER = {
    ("momentum", "looks-ahead", "stale-state"),
    ("nesterov", "momentum-scales-gradient", "momentum-missing-in-step"),
}


@pytest.mark.parametrize("rule", RULES)
def test_two_mistakes_at_once_are_no_correct_rule(oracle, rule):
    """But for those that make up for each other, so that nothing is wrong."""
    right = {
        (rule, *wrong.mistakes)
        for wrong in versions.with_two_mistakes(rule)
        for make in versions.right(rule)
        if all(
            same_path(oracle, rule, wrong.make, make, probe)
            for probe in probes.naming(rule)
        )
    }
    assert right == {pair for pair in MAKE_UP_FOR_EACH_OTHER if pair[0] == rule}


def test_two_mistakes_are_both_named(d2l):
    text = RULES_TEXT["rmsprop"].replace("p - lr", "p + lr")
    text = text.replace("d2l.sqrt(s + eps)", "(d2l.sqrt(s) + eps)")
    result = check_function(defined(d2l, text, "rmsprop"), "rmsprop", d2l)
    assert result.details["mistakes"] == ["epsilon-outside-root", "ascent"]
    assert "outside" in result.hint
    assert "uphill" in result.hint


def test_a_number_in_the_place_of_a_hyperparameter_hides_no_mistake(d2l):
    text = """
def rule(params, grads, states, hyperparams):
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, hyperparams["gamma"] * s + 0.1 * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / (d2l.sqrt(s) + 1e-6))
"""
    result = check_function(defined(d2l, text), "rmsprop", d2l)
    assert result.details["mistakes"] == [
        "epsilon-outside-root",
        "hyperparameter-ignored",
    ]
    right = text.replace("d2l.sqrt(s) + 1e-6", "d2l.sqrt(s + 1e-6)")
    result = check_function(defined(d2l, right), "rmsprop", d2l)
    assert (result.passed, result.mistake) == (False, None)
    assert "with lr = 0.35, gamma = 0.7" in result.hint


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_what_is_not_in_the_catalogue_is_shown_where_it_departs(d2l, rule):
    text = RULES_TEXT[rule].replace("(p, p -", "(p, p - 0.03 * p * p -")
    result = check_function(defined(d2l, text, rule), rule, d2l)
    assert not result.passed
    assert result.mistake is None
    assert (result.details["step"], result.details["parameter"]) == (1, 0)
    assert result.details["found"] < result.details["expected"]
    assert f"{result.details['expected']:.9g} is right" in result.hint
    assert f"{result.details['found']:.9g}" in result.hint


def test_the_step_and_the_parameter_are_those_of_the_first_departure(d2l):
    text = """
def rmsprop(params, grads, states, hyperparams):
    for i, (p, g, s) in enumerate(zip(params, grads, states)):
        new = hyperparams["gamma"] * s + (1 - hyperparams["gamma"]) * d2l.square(g)
        late = 1.5 if i == 1 and float(d2l.numpy(d2l.sum(s))) > 0 else 1.0
        d2l.assign(s, new)
        d2l.assign(p, p - late * hyperparams["lr"] * g / d2l.sqrt(s + 1e-6))
"""
    result = check_function(defined(d2l, text, "rmsprop"), "rmsprop", d2l)
    assert (result.details["step"], result.details["parameter"]) == (2, 1)
    assert "step 2, in parameter 1" in result.hint


# -------------------------------------------------- what does not get as far as numbers


def of_rmsprop(d2l, body, before=""):
    head = f"{before}\ndef rmsprop(params, grads, states, hyperparams):\n"
    return check_function(defined(d2l, head + body, "rmsprop"), "rmsprop", d2l)


def test_what_is_returned_has_as_many_parameters(d2l):
    text = RULES_TEXT["rmsprop"] + "    return [p], [s]\n"
    result = check_function(defined(d2l, text, "rmsprop"), "rmsprop", d2l)
    assert (result.mistake, result.hint[:24]) == (
        "wrong-shape",
        "1 parameters are returne",
    )
    for after in ("params, None", "params"):
        text = RULES_TEXT["rmsprop"] + f"    return {after}\n"
        assert check_function(defined(d2l, text, "rmsprop"), "rmsprop", d2l).passed


def test_a_number_of_your_own_is_not_taken_for_a_mistake_that_it_resembles(d2l):
    """Half the rate of the probe would be a step of half the length."""
    for rate in ("0.1", "0.04"):
        text = RULES_TEXT["rmsprop"].replace('hyperparams["lr"]', rate)
        result = check_function(defined(d2l, text, "rmsprop"), "rmsprop", d2l)
        assert result.mistake == "hyperparameter-ignored"


@pytest.mark.parametrize(
    "body",
    [
        "    pass",
        "    ...",
        "    raise NotImplementedError",
        "    return NotImplemented",
    ],
)
def test_a_placeholder_is_not_implemented(d2l, body):
    assert of_rmsprop(d2l, body + "\n").mistake == "not-implemented"
    assert check_function(None, "rmsprop", d2l).mistake == "not-implemented"


def test_an_error_is_told_with_its_line(d2l):
    body = "    x = 1\n    return hyperparams['lr'] + missing\n"
    result = of_rmsprop(d2l, body)
    assert result.mistake == "raises"
    assert "NameError: name 'missing' is not defined in line 4" in result.hint
    result = of_rmsprop(d2l, "    hyperparams['learning_rate']\n")
    assert "KeyError: 'learning_rate'" in result.hint
    assert of_rmsprop(d2l, "    raise SystemExit(0)\n").mistake == "raises"


@pytest.mark.parametrize(
    "body",
    [
        "    p, g = params[0], grads[0]\n    d2l.assign(p, d2l.matmul(g, p))\n",
        "    return [d2l.reshape(p, (1, -1)) for p in params]\n",
        "    p, q = params\n    d2l.assign(p, d2l.matmul(q, grads[0]))\n",
    ],
)
def test_a_wrong_shape_is_named(d2l, body):
    assert of_rmsprop(d2l, body).mistake == "wrong-shape"


def test_a_function_without_end_is_stopped(d2l, monkeypatch):
    monkeypatch.setattr("d2lopt.lab.checks.limits.SECONDS", 0.3)
    body = "    while True:\n        try:\n            n = 0\n"
    body += "        except Exception:\n            pass\n"
    assert of_rmsprop(d2l, body).mistake == "timeout"
    f_grad = defined(d2l, "def f_grad(x1, x2):\n    while True: pass\n", "f_grad")
    assert check_function(f_grad, "f_grad", d2l).mistake == "timeout"


def test_list_entries_that_are_replaced_are_rebound(d2l):
    text = RULES_TEXT["rmsprop"].replace(
        "p, g, s in zip(", "i, (p, g, s) in enumerate(zip("
    )
    text = text.replace("states):\n        d2l", "states)):\n        d2l")
    state = text.replace("d2l.assign(s, ", "s = states[i] = (")
    result = check_function(defined(d2l, state, "rmsprop"), "rmsprop", d2l)
    assert result.mistake == "state-rebound"
    param = text.replace("d2l.assign(p, ", "params[i] = (")
    result = check_function(defined(d2l, param, "rmsprop"), "rmsprop", d2l)
    assert result.mistake == "parameter-rebound"


def test_a_check_leaves_the_module_as_it_was(d2l):
    text = "steps, seen, note = 0, [], {}\n" + RULES_TEXT["rmsprop"].replace(
        "    for",
        "    global steps\n    steps += 1; seen.append(1); note['a'] = 1\n    for",
    )
    rule = defined(d2l, text, "rmsprop")
    assert check_function(rule, "rmsprop", d2l).passed
    home = rule.__globals__
    assert (home["steps"], home["seen"], home["note"]) == (0, [], {})


# ------------------------------------------------------------------ the other exercises

EVERY = {e.name: e for part in exercises.EXERCISES.values() for e in part}
OF_NUMBERS = [e for e in EVERY.values() if isinstance(e.checker, Numbers)]


def as_given(d2l, function, tensors):
    """A function of arrays as one of the framework's tensors."""
    if not tensors:
        return function

    def of_tensors(*arguments):
        value = function(*(d2l.numpy(x).astype("float64") for x in arguments))
        if isinstance(value, list):
            return [d2l.tensor(x) for x in value]
        return d2l.tensor(value)

    return of_tensors


@pytest.mark.parametrize("exercise", OF_NUMBERS, ids=lambda e: e.name)
def test_numbers_are_checked_and_mistakes_in_them_named(d2l, exercise):
    checker = exercise.checker

    def result_of(function):
        given = as_given(d2l, function, checker.tensors)
        return check_function(given, exercise.name, d2l)

    assert result_of(checker.right).passed
    assert len(checker.wrong) >= 3
    for mistake, wrong in checker.wrong:
        assert result_of(wrong).mistake == mistake

    def scaled(*case):
        value = checker.right(*case)
        if isinstance(value, list | tuple):
            return [np.array(x) * 1.37 for x in value]
        return value * 1.37

    odd = result_of(scaled)
    assert (odd.passed, odd.mistake) == (False, None)
    assert "is right" in odd.hint
    nothing = check_function(lambda *a: None, exercise.name, d2l)
    assert nothing.mistake == "not-implemented"


def test_a_rows_probabilities_in_the_frameworks_own_tensors(d2l):
    text = """
def softmax_grads(W, b, X, Y):
    n, k = Y.shape
    scores = d2l.exp(d2l.matmul(X, W) + b)
    P = scores / d2l.matmul(scores, d2l.ones((k, k)))
    off = (P - Y) / n
    dW = d2l.matmul(d2l.tensor(d2l.numpy(X).T), off)
    return dW, d2l.reshape(d2l.matmul(d2l.ones((1, n)), off), (k,))
"""
    function = defined(d2l, text, "softmax_grads")
    assert check_function(function, "softmax_grads", d2l).passed
    wrong = defined(d2l, text.replace(", (k,))", ", (k, 1))"), "softmax_grads")
    assert check_function(wrong, "softmax_grads", d2l).mistake == "wrong-shape"
    raising = defined(d2l, text.replace("X, W", "X, b"), "softmax_grads")
    assert check_function(raising, "softmax_grads", d2l).mistake == "raises"


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        ("V(Z((d, 1))), V(Z(1))", None),
        ("[V(Z((d, 1))), V(Z((1,)))]", None),
        ("V(Z((d, 1))), V(Z(1) + 1)", "state-not-zero"),
        ("V(Z((d,))), V(Z(1))", "wrong-shape"),
        ("V(Z((d, 1)))", "wrong-shape"),
        ("V(Z((d, 1))), 0.0", "wrong-shape"),
        ("None", "not-implemented"),
        ("V(Z(features))", "raises"),
    ],
)
def test_states_are_checked(d2l, body, mistake):
    text = f"V, Z = d2l.variable, d2l.zeros\ndef init(d):\n    return {body}\n"
    result = check_function(defined(d2l, text, "init"), "init_rmsprop_states", d2l)
    assert result.mistake == mistake
    assert result.passed == (mistake is None)


def test_one_state_for_two_averages_is_shared(d2l):
    text = """
def init(d):
    s = [d2l.variable(d2l.zeros((d, 1))), d2l.variable(d2l.zeros(1))]
    return [(x, x) for x in s]
"""
    result = check_function(defined(d2l, text, "init"), "init_adadelta_states", d2l)
    assert result.mistake == "shared-state"


RMSPROP_2D = """
import math
eta, gamma, eps = 1.0, 0.5, 0.1  # the check gives its own

def rmsprop_2d(x1, x2, s1, s2):
    g1, g2 = 0.2 * x1, 4 * x2
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    return x1, x2, s1, s2
"""


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("(s# + eps)", "(s# + eps)", None),
        ("(s# + eps)", "(s#)", "epsilon-missing"),
        ("math.sqrt(s# + eps)", "(math.sqrt(s#) + eps)", "epsilon-outside-root"),
        ("-= eta", "+= eta", "ascent"),
        ("g#**2", "g#", "gradient-not-squared"),
        ("(1 - gamma) *", "", "one-minus-gamma-missing"),
        ("x1, x2, s1, s2\n", "x1, x2, 0, 0\n", "state-rebound"),
        ("x1, x2, s1, s2\n", "x1, x2\n", "wrong-shape"),
        ("return x1, x2, s1, s2", "return np.array([x1, x2, s1, s2])", None),
        ("return x1, x2, s1, s2", "pass", "not-implemented"),
        ("return x1", "return x3", "raises"),
        ("0.2 * x1", "0.25 * x1", None),
    ],
)
def test_a_step_in_two_dimensions(d2l, old, new, mistake):
    text = RMSPROP_2D
    for k in "12":
        text = text.replace(old.replace("#", k), new.replace("#", k))
    function = defined(d2l, text, "rmsprop_2d")
    result = check_function(function, "rmsprop_2d", d2l)
    assert result.mistake == mistake, result
    assert result.passed == (mistake is None and old != "0.2 * x1")
    assert function.__globals__["eta"] == 1.0


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        ("1 - 1 / (10 + t)", None),
        ("1 - 0.1 * 0.99**t", None),  # it rounds to 1 in the end
        ("1 - 1 / (10 + t),", "wrong-shape"),
        ("0.9", "schedule-constant"),
        ("0.95 + 0 * t", "schedule-start"),
        ("min(0.9 + t / 1000, 1)", "schedule-too-high"),
        ("0.9 + 0.01 * min(t, 5)", "schedule-too-slow"),
        ("0.9 if t == 0 else 0.995 - t / 1e6", "schedule-falls"),
        ("None", "not-implemented"),
    ],
)
def test_a_schedule_is_free_within_its_limits(d2l, body, mistake):
    function = defined(d2l, f"def f(t):\n    return {body}\n", "f")
    assert check_function(function, "gamma_schedule", d2l).mistake == mistake


# ---------------------------------------------------------------------- what is printed


def test_in_a_notebook_the_framework_and_the_exercise_are_found(d2l, capsys):
    rmsprop = defined(d2l, RULES_TEXT["rmsprop"], "rmsprop")
    assert lab.check(rmsprop).passed
    assert capsys.readouterr().out == "rmsprop: right.\n"
    text = RULES_TEXT["rmsprop"].replace("def rmsprop", "def mine")
    mine = defined(d2l, text.replace("(s + eps)", "(s)"), "mine")
    result = lab.check(mine, d2l, exercise="rmsprop")
    assert capsys.readouterr().out == f"{result}\n"
    assert "not yet (epsilon-missing)" in str(result)
    assert json.loads(json.dumps(result.as_json())) == {
        "exercise": "rmsprop",
        "passed": False,
        "mistake": "epsilon-missing",
        "hint": result.hint,
    }
    with pytest.raises(InputError, match="unknown exercise 'mine'"):
        lab.check(mine)


def test_what_another_function_made_has_the_name_that_the_notebook_gives(d2l):
    text = RULES_TEXT["rmsprop"].replace("def rmsprop", "def mine")
    made = "import functools\nfrom d2lopt import lab\n" + text
    for ways in ("functools.partial(mine)", "lambda *a: mine(*a)", "mine"):
        cell = f"{made}\nrmsprop = {ways}\nresult = lab.check(rmsprop, d2l)"
        assert defined(d2l, cell, "result").passed
    rmsprop = defined(d2l, RULES_TEXT["rmsprop"], "rmsprop")
    assert lab.check(functools.partial(rmsprop), d2l).passed


def test_a_rule_of_no_lab_can_be_checked_and_a_lab_knows_its_own(oracle):
    assert exercises.find("adamw").name == "adamw"
    with pytest.raises(InputError, match="unknown exercise 'adam'"):
        exercises.find("adam", "rmsprop")
    with pytest.raises(InputError, match="unknown lab 'rmsprob'. Did you mean"):
        exercises.find("rmsprop", "rmsprob")


@pytest.mark.processes
def test_which_framework_must_be_said_where_none_is_loaded():
    code = "from d2lopt import lab\ndef sgd(p, g, s, h): pass\n"
    code += "try:\n    lab.check(sgd)\nexcept ValueError as error: print(error)\n"
    code += "print(lab.check(sgd, 'numpy').mistake)\n"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "say which framework to check on" in run.stdout
    assert run.stdout.splitlines()[-1] == "not-implemented"


def test_every_chapter_has_three_exercises_and_rmsprop_six():
    assert all(len(part) >= 3 for part in exercises.EXERCISES.values())
    assert len(exercises.EXERCISES["rmsprop"]) >= 6
    assert all(e.takes and e.gives for e in EVERY.values())
    same = [(e.name, e.takes) for part in exercises.EXERCISES.values() for e in part]
    assert len(set(same)) == len({name for name, _ in same})


def test_every_mistake_has_a_hint_that_is_no_formula():
    wrongs = [w for rule in RULES for w in versions.with_one_mistake(rule)]
    named = {m for w in wrongs for m in w.mistakes}
    named |= {m for e in OF_NUMBERS for m, _ in e.checker.wrong}
    assert named <= set(HINTS)
    for name, hint in HINTS.items():
        assert name == name.lower().replace("_", "-").strip()
        assert hint.endswith(".") or hint.endswith("?")
        assert not set(hint) & set("=*/+()[]{}√²_"), hint
