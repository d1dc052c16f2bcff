"""What `d2l` has on every framework, and what an editor knows of it.

Jedi is what completes in IPython and Jupyter. Read from a script's text, it imports
nothing; in a notebook, it asks the module that is there.
"""

import inspect
from pathlib import Path

import jedi
import pytest

from d2lopt.backend.contract import Backend
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.book import Namespace

CHECKOUT = Path(__file__).parents[2]
OF_THE_CONTRACT = [
    name for name in [*vars(Backend), *Backend.__annotations__] if name[0] != "_"
]
PORTABLE = [name for name in vars(Namespace) if name[0] != "_"]
FUNCTIONS = [
    name
    for name in [*OF_THE_CONTRACT, *PORTABLE]
    if callable(getattr(Namespace, name, None))
]


def test_the_module_has_every_name_of_the_list(d2l):
    assert [n for n in [*OF_THE_CONTRACT, *PORTABLE] if n not in vars(d2l)] == []


@pytest.mark.parametrize("name", PORTABLE)
def test_a_portable_name_is_what_the_list_says(d2l, backend, name):
    """The same arguments, without `d2l`, and the same docstring."""
    bound, listed = getattr(d2l, name), inspect.getattr_static(Namespace, name)
    if not callable(getattr(Namespace, name)):
        assert bound == listed
        return
    free = isinstance(listed, staticmethod | type)
    if not free and getattr(bound, "__self__", None) is not d2l:
        pytest.skip(f"{FRAMEWORKS[backend].title} has a {name} of its own")
    expected = list(inspect.signature(getattr(Namespace, name)).parameters)
    expected = expected if free else expected[1:]
    assert list(inspect.signature(bound).parameters) == expected
    assert inspect.getdoc(bound) == inspect.getdoc(getattr(Namespace, name))


def test_help_shows_what_a_rule_takes(d2l, capsys):
    help(d2l.adam)
    shown = capsys.readouterr().out
    assert "\nadam(params: " in shown
    assert "Kingma and Ba" in shown


def read(text):
    """The text as an editor reads it, with this checkout's package."""
    return jedi.Script(text, project=jedi.Project(CHECKOUT))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("form", ["from d2lopt import {} as d2l", "import d2lopt"])
def test_an_editor_completes_every_name_on_every_framework(form, framework):
    loaded = "" if "{}" in form else f"d2l = d2lopt.load({framework!r})\n"
    text = f"{form.format(framework)}\n{loaded}d2l."
    found = {completion.name for completion in read(text).complete()}
    assert {*OF_THE_CONTRACT, *PORTABLE} - found == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_editor_shows_signature_and_docstring(name):
    framework = list(FRAMEWORKS)[1]
    (shown,) = read(
        f"from d2lopt import {framework} as d2l\nd2l.{name}("
    ).get_signatures()
    assert shown.docstring(raw=True)
    assert "d2l" not in [parameter.name for parameter in shown.params]


@pytest.mark.parametrize("name", ["train_ch11", "rmsprop", "plot", "load_array"])
def test_a_notebook_shows_them_of_the_module_that_is_there(d2l, name):
    (shown,) = jedi.Interpreter(f"d2l.{name}(", [{"d2l": d2l}]).get_signatures()
    assert shown.docstring(raw=True)
    assert "d2l" not in [parameter.name for parameter in shown.params]
