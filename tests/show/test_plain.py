"""Texts for every terminal: substitutes in plain letters, no control characters."""

import ast
import io
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.show.plain import cleared, make_output_plain, plain, substitute
from d2lopt.show.screen import print_line, say

ROOT = Path(__file__).parents[2]
ENCODINGS = ["ascii", "latin-1", "cp1252", "utf-8"]


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("½·MSE", "1/2*MSE"),
        ("built-in − scratch: –", "built-in - scratch: -"),
        ("η, the learning rate", "eta, the learning rate"),
        ("λ, ε, μ and Σ", "lambda, epsilon, mu and Sigma"),
        ("p ← p − η v̂ / (√ŝ + ε)", "p <- p - eta v^ / (sqrts^ + epsilon)"),
        ("s ← γ s + (1 − γ) g²", "s <- gamma s + (1 - gamma) g^2"),
        ("1 − β₁ᵗ", "1 - beta1^t"),
        ("a run: 5.0 ×, ±2, …", "a run: 5.0 x, +-2, ..."),
        ("Müller", "Muller"),
        ("Зайцева 中", "??????? ?"),
    ],
)
def test_what_ascii_lacks_is_in_plain_letters(text, words):
    assert plain(text, stream("ascii")) == words
    assert plain(text, stream("utf-8")) == text


def test_only_what_an_encoding_lacks_is_replaced():
    assert plain("½ − η … é", stream("latin-1")) == "½ - eta ... é"
    assert plain("½ − η … é", stream("cp1252")) == "½ - eta … é"
    assert plain("½ − η … é", None) == "½ − η … é"


def test_every_character_of_this_package_has_a_substitute():
    paths = [*ROOT.glob("d2lopt/**/*.py"), *ROOT.glob("chapters/*.py")]
    used = set("".join(path.read_text(encoding="utf-8") for path in paths))
    used -= {"\ufffd"}  # stands for what cannot be shown
    assert [c for c in sorted(used) if "?" in substitute(c) and c != "?"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hover", "over"),
        ("\x1b]0;title\x07", "�]0;title�"),
        ("\x9b31m", "�31m"),
        ("one\r\ntwo\rthree", "one\ntwo�three"),
        ("half \udc80 of a pair", "half � of a pair"),
        ("\u202eturned", "�turned"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_nothing_that_steers_a_terminal_is_left(text, words):
    assert cleared(text) == words


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(ENCODINGS))
def test_any_text_can_be_shown(text, encoding):
    words = plain(text, stream(encoding))
    assert words.encode(encoding).decode(encoding) == words
    assert not re.search(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", words)
    assert not {unicodedata.category(c) for c in words} & {"Cs"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_program_prints_in_every_encoding(encoding, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream(encoding))
    monkeypatch.setattr(sys, "stderr", stream(encoding))
    print_line("η \x1b[31m½\udc80")
    say("η \x1b[31m½\udc80")
    make_output_plain()
    print("a chapter: η = 0.1")
    for written in (sys.stdout, sys.stderr):
        written.flush()
        words = written.buffer.getvalue().decode(encoding)
        assert words.startswith(plain("η ½�\n", stream(encoding)))


def test_commands_print_by_way_of_show():
    """What a command prints goes through `plain`: by print_line, say or a table."""
    for path in (ROOT / "d2lopt/cli").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {func.id for func in called if isinstance(func, ast.Name)}
        assert "print" not in names, path
