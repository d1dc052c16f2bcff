"""Tables in terminals of every width: numbers are never cut."""

import re

import pytest

from d2lopt.show.table import Table

NUMBERS = ["0.245467", "+4.5e-08", "1.2e-07 relative", "-1.234567890123e-308", "1e+100"]


def table():
    made = Table(
        "rmsprop: lr 0.01; ½·MSE",
        ["backend", *(f"built-in − number {i}" for i in range(len(NUMBERS)))],
    )
    made.row("NumPy 1.26.4", *NUMBERS)
    made.section()
    made.row("TensorFlow 2.21.0", *NUMBERS[::-1])
    made.note("NumPy: it has no rmsprop of its own")
    return made


@pytest.fixture
def terminal(monkeypatch):
    """terminal(columns): standard output is taken for a terminal so wide."""

    def be(columns, **variables):
        settings = {"COLUMNS": columns, "FORCE_COLOR": 1, "TERM": "xterm", **variables}
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))

    return be


def printed(capsys):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().out)


@pytest.mark.parametrize("columns", [200, 120, 100, 80, 60, 40, 20, 10, 1])
def test_no_number_is_cut_in_a_terminal_of_any_width(columns, terminal, capsys):
    terminal(columns)
    table().print()
    text = printed(capsys)
    for number in NUMBERS:
        words = number.split()  # an unit may stand in the next line
        assert all(text.split().count(word) == 2 for word in words), text
    assert "…" not in text
    assert "NumPy: it has no rmsprop of its own" in text


@pytest.mark.parametrize("columns", [200, 120, 100])
def test_a_table_that_fits_has_its_lines_within_the_terminal(columns, terminal, capsys):
    terminal(columns)
    table().print()
    lines = printed(capsys).splitlines()
    assert "┏" in lines[1]
    assert max(map(len, lines)) <= columns


def test_a_table_that_does_not_fit_becomes_lists(terminal, capsys):
    terminal(40)
    short = Table("title", ["backend", "built-in − scratch", "seconds", "formula"])
    short.row("a " * 30 + "b", "+4.5e-08", "", "s ← γ s\np ← p − s")
    short.row("longlonglonglonglonglong", "1.234567e-08", "0.01", "")
    short.print()
    assert printed(capsys).splitlines() == [
        "title",
        "backend: " + "a " * 30 + "b",
        "  built-in − scratch: +4.5e-08",
        "  formula: s ← γ s",
        "    p ← p − s",
        "backend: longlonglonglonglonglong",
        "  built-in − scratch: 1.234567e-08",
        "  seconds: 0.01",
    ]


def test_a_long_word_goes_on_in_the_next_line(terminal, capsys):
    terminal(66)
    made = Table("title", ["call", "formula", "loss"], left=2)
    made.row("torch.optim.RMSprop(net.parameters())", "learning_rate·weight_decay", "1")
    made.print()
    text = printed(capsys)
    assert "┏" in text
    assert "…" not in text
    rows = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    left = "".join(row[1].strip() for row in rows)
    assert left == "torch.optim.RMSprop(net.parameters())"


def test_in_a_pipe_a_table_is_as_wide_as_it_needs_to_be(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    wide = Table("title", ["a", *(f"b{i}" for i in range(12))])
    wide.row("x", *(["1.234567890123456e-308"] * 12))
    wide.print()
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].count("1.234567890123456e-308") == 12


def test_what_others_wrote_cannot_steer_the_terminal_from_a_table(capsys):
    made = Table("\x1b[31mtitle", ["a\x07"])
    made.row("[red]\x1b[31mred\x1b[0m[/red] \udc80")
    made.note("\x1b]0;title\x07")
    made.print()
    text = capsys.readouterr().out
    assert "[red]red[/red] �" in text
    assert not {"\x1b", "\x07", "\udc80"} & set(text)
