"""What is wrong with a rule's hyperparameters is named, in one sentence."""

import math

import pytest

from d2lopt.errors import InputError, unknown
from d2lopt.rules import native
from d2lopt.rules.checks import check
from d2lopt.rules.forms import as_rule
from d2lopt.rules.optimizers import RULES, find
from d2lopt.rules.pieces import ByLr, ByRms, Chain

RMSPROP = find("rmsprop")
GOOD = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lr": None}, r"lr must be a number from 0 upwards; got None"),
        ({"lr": -0.1}, r"lr must be a number from 0 upwards; got -0.1"),
        ({"lr": "fast"}, r"lr must be a number .* got 'fast'"),
        ({"lr": float("nan")}, r"lr must be a number"),
        ({"lr": float("inf")}, r"lr must be a finite number from 0 upwards; got inf"),
        ({"lr": True}, r"lr must be a number"),
        ({"gamma": 1.1}, r"gamma must be a number from 0 to 1; got 1.1"),
        ({"eps": -1e-9}, r"eps must be a number from 0 upwards"),
        (
            {"gama": 0.9},
            r"unknown hyperparameter of rmsprop 'gama'. Did you mean 'gamma'",
        ),
    ],
)
def test_a_bad_hyperparameter_is_named_with_its_range(changed, message):
    with pytest.raises(InputError, match=message):
        check(RMSPROP, GOOD | changed)


def test_missing_hyperparameters_are_named():
    with pytest.raises(InputError, match="rmsprop needs lr, gamma; got"):
        check(RMSPROP, {"eps": 1e-6})
    check(RMSPROP, {"lr": 0.01, "gamma": 1})


def test_an_unknown_optimizer_names_the_near_one():
    with pytest.raises(InputError, match=r"Did you mean 'rmsprop'\?"):
        find("RMSProp")
    assert "Did you mean" not in str(unknown("optimizer", "zzzz", ["rmsprop"]))


# --------------------------------------------------------------------- whoever asks


@pytest.mark.parametrize("entry", [check, native.check])
@pytest.mark.parametrize("name", RULES)
def test_a_harness_and_an_optimizer_say_the_same(entry, name):
    rule = RULES[name]
    entry(rule, rule.hyperparams)
    first, *_ = rule.hyperparams
    with pytest.raises(InputError, match=f"unknown hyperparameter of {name} 'gama'"):
        entry(rule, {**rule.hyperparams, "gama": 0.9})
    with pytest.raises(InputError, match=f"{first} must be a number .* got nan"):
        entry(rule, {**rule.hyperparams, first: math.nan})
    with pytest.raises(InputError, match=rf"{name} needs {first}[,;].* got "):
        entry(rule, {})


def test_a_chain_knows_what_it_needs_and_a_harness_may_give_more():
    chain, numbers = Chain(ByRms(), ByLr()), {"gamma": 0.9, "eps": 1e-6, "lr": 0.01}
    for entry in (check, native.check):
        entry(chain.rule, numbers)
        with pytest.raises(InputError, match="the chain needs eps; got"):
            entry(chain.rule, {"gamma": 0.9, "lr": 0.01})
    check(chain, numbers | {"clip": 1.0})
    with pytest.raises(InputError, match="clip must be a number above 0; got 0"):
        check(chain, numbers | {"clip": 0})
    with pytest.raises(InputError, match="unknown hyperparameter of the chain 'clip'"):
        native.check(chain.rule, numbers | {"clip": 1.0})


def test_what_a_learners_rule_reads_is_not_known():
    """Of what it is given, a harness checks the ranges, an optimizer the rate."""
    rule = as_rule(lambda params, grads, states, hyperparams: None)
    for entry in (check, native.check):
        entry(rule, {})
        entry(rule, {"lr": 0.1, "mine": "yes"})
        with pytest.raises(InputError, match="lr must be a number"):
            entry(rule, {"lr": -1})
    with pytest.raises(InputError, match="gamma must be a number"):
        check(rule, {"gamma": 2})
    native.check(rule, {"gamma": 2})


def test_schedules_are_checked_when_their_values_come():
    check(RMSPROP, GOOD | {"lr": lambda t: -1, "gamma": lambda t: 0.9})
    native.check(RMSPROP, GOOD | {"lr": "a schedule"}, str)
    with pytest.raises(InputError, match="gamma must be a number"):
        native.check(RMSPROP, GOOD | {"gamma": "a schedule"}, str)
    native.check(RMSPROP, GOOD | {"gamma": "a schedule"}, str, ["lr", "gamma"])


def test_what_is_missing_may_come_later():
    native.check(RMSPROP, {"gamma": 0.9}, partly=True)
    with pytest.raises(InputError, match="gamma must be a number"):
        native.check(RMSPROP, {"gamma": 2}, partly=True)


def test_hyperparams_are_a_dict():
    with pytest.raises(InputError, match=r"hyperparams must be a dict; got 0\.1"):
        check(RMSPROP, 0.1)
