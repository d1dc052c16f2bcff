"""The options that commands share: each is the same everywhere, and checked alike."""

import click
import pytest
from click.testing import CliRunner
from every_command import COMMANDS

from d2lopt.backend import environment
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.cli.checks import installed_backends, split
from d2lopt.cli.main import main
from d2lopt.errors import InputError, MissingBackend

SHARED = [
    *("--backend", "--backends", "--data", "--device", "--dtype"),
    *("--epochs", "--batch-size"),
]


def options(command: click.Command) -> dict[str, click.Option]:
    """Its own options: --help, which all have, is not among them."""
    return {o.opts[0]: o for o in command.params if isinstance(o, click.Option)}


@pytest.mark.parametrize("name", SHARED)
def test_an_option_is_the_same_wherever_it_is(name):
    having = [options(c)[name] for c in COMMANDS.values() if name in options(c)]
    assert len(having) > 1
    for option in having:
        described = [
            (o.help, o.type.name, o.metavar, o.default, o.show_default, o.callback)
            for o in (option, having[0])
        ]
        assert described[0] == described[1]


def run(*words: object):
    return CliRunner().invoke(main, [*map(str, words)])


NEED_A_BACKEND = [
    ("run", "rmsprop", "--backend"),
    ("compare", "rmsprop", "--backends"),
    ("sweep", "rmsprop", "--backend"),
    ("bench", "--backends"),
    ("conformance", "--backends"),
    ("chapters", "--backends"),
    ("notebooks", "--backend"),
    ("lab", "student", "rmsprop", "--backend"),
    ("lab", "solution", "rmsprop", "--backend"),
    ("lab", "check", "x.py", "--lab", "rmsprop", "--backend"),
    ("lab", "grade", ".", "--lab", "rmsprop", "--backend"),
]


def test_the_list_below_has_every_command_that_takes_backends():
    named = {
        words
        for words in COMMANDS
        if any(w[: len(words)] == words for w in NEED_A_BACKEND)
    }
    having = {
        words
        for words, command in COMMANDS.items()
        if {"--backend", "--backends"} & options(command).keys()
    }
    assert named == having


@pytest.mark.parametrize("words", NEED_A_BACKEND, ids=" ".join)
def test_a_backend_is_known_and_installed_before_anything_runs(words, monkeypatch):
    result = run(*words, "torhc")
    known = ", ".join(FRAMEWORKS)
    message = f"unknown backend 'torhc'. Did you mean 'torch'? Known: {known}."
    assert (result.exit_code, result.stderr) == (2, f"d2lopt: {message}\n")
    monkeypatch.setattr(environment, "is_installed", lambda name: name == "numpy")
    result = run(*words, "torch")
    assert result.exit_code == 2
    assert result.stderr.startswith("d2lopt: PyTorch is not installed. Install it with")
    assert result.stdout == ""


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_option_may_be_given_twice_or_empty(words):
    for name, option in options(COMMANDS[words]).items():
        value = [] if option.is_flag else ["x"]
        spellings = [*option.opts, *option.secondary_opts]
        result = run(*words, spellings[0], *value, spellings[-1], *value)
        said = f"d2lopt: {name} is given twice: give it once.\n"
        assert (result.exit_code, result.output) == (2, said)
        for empty in () if option.is_flag else ("", " "):
            result = run(*words, name, empty)
            said = f"d2lopt: {name} is empty: give it a value, or leave it out.\n"
            assert (result.exit_code, result.output) == (2, said)


@pytest.mark.parametrize("command", ["run", "compare", "sweep"])
def test_epochs_and_batch_sizes_are_checked_alike(command):
    for number in (0, -3, 10**30):
        result = run(command, "sgd", "--data", "stand-in", "--epochs", number)
        said = f"d2lopt: --epochs must be from 1 up; got {number}.\n"
        assert (result.exit_code, result.stderr) == (2, said)
    for number in (0, 1501):
        result = run(command, "sgd", "--data", "stand-in", "--batch-size", number)
        said = f"--batch-size must be from 1 to 1500, the number of rows; got {number}."
        assert result.exit_code == 2
        assert result.stderr.splitlines()[1:] == [f"d2lopt: {said}"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (None, []),
        ("", []),
        (" , ", []),
        ("a", ["a"]),
        (" b, a ,,b,", ["b", "a"]),
    ],
)
def test_a_list_has_each_part_once(text, parts):
    assert split(text) == parts


def test_backends_are_those_of_the_list_or_all_that_are_installed(monkeypatch):
    here = ["numpy", "torch"]
    monkeypatch.setattr(environment, "is_installed", lambda name: name in here)
    assert installed_backends(None) == installed_backends("") == here
    assert installed_backends("torch, numpy,torch,") == ["torch", "numpy"]
    with pytest.raises(InputError, match="unknown backend ''"):
        installed_backends(",")
    with pytest.raises(InputError, match="unknown backend 'nmpy'. Did you mean"):
        installed_backends("torch,nmpy")
    with pytest.raises(MissingBackend, match="JAX is not installed"):
        installed_backends("numpy,jax")
