"""Every command in every odd environment: it works, or ends in a sentence.

A new command needs its arguments in `ARGUMENTS`, a new environment a line in
`ENVIRONMENTS`; the tests are all pairs of them.
"""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner
from every_command import COMMANDS

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.cli.main import main

SMALL = "--data stand-in --epochs 1 --batch-size 1500"
# What a quick run of each command takes. OUT is a folder, HERE one with what a student
# handed in, whose error has an escape sequence and half a character.
ARGUMENTS = {
    ("run",): f"rmsprop {SMALL}",
    ("compare",): f"rmsprop --backends numpy --out OUT {SMALL}",
    ("doctor",): "",  # with stubs in the place of the frameworks
    ("explain",): "rmsprop --from torch --to tensorflow --seeds 2 --data stand-in "
    "--out OUT",
    ("translate",): "rmsprop --from torch --to tensorflow alpha=0.99 --data stand-in",
    ("conformance",): "--backends torch --optimizers sgd",
    ("chapters",): "--backends numpy --chapters gradient_descent --out OUT",
    ("notebooks",): "--chapters linear_regression --out OUT",
    ("sweep",): f"rmsprop --lr 0.01,0.1 --jobs 1 --out OUT {SMALL}",
    ("bench",): "--backends numpy --tasks many --repeat 1 --data stand-in --out OUT",
    ("lab", "student"): "rmsprop --out OUT",
    ("lab", "solution"): "linear_regression --out OUT",
    ("lab", "check"): "HERE/Müller.py --lab rmsprop",
    ("lab", "grade"): "HERE --lab rmsprop --out OUT",
    ("playground",): "--out OUT/page.html",
}
STATUS = {("doctor",): 1, ("lab", "check"): 1}  # stubs are broken; it is not right
SLOW = {
    ("conformance",),
    ("chapters",),
    ("notebooks",),
    ("lab", "solution"),
}
HANDED_IN = r"""
def rmsprop(params, grads, states, hyperparams):
    raise ValueError("\x1b[31mη\x1b[0m \udc80 \x9b31m")
"""


@dataclass(frozen=True)
class Environment:
    """Where a command runs. Without `terminal`, its output goes into a pipe."""

    variables: dict[str, str | None] = field(default_factory=dict)  # None: not set
    terminal: bool = False
    before: Callable[[], None] | None = None  # what the process does first
    output: str = ""  # a file in the place of standard output
    unread: bool = False  # standard output is a pipe that nobody reads
    status: int | None = None  # in the place of the usual one
    folder: str = ""  # in the place of an empty one
    without_out: bool = False  # files go where the command puts them by default


ENVIRONMENTS = {
    "ASCII, terminal of 40 columns": Environment(
        {"PYTHONIOENCODING": "ascii", "COLUMNS": "40"}, terminal=True
    ),
    "Latin-1, terminal of 20 columns, no colours": Environment(
        {"PYTHONIOENCODING": "latin-1", "COLUMNS": "20", "NO_COLOR": "1"}, terminal=True
    ),
    "cp1252, standard input closed": Environment(
        {"PYTHONIOENCODING": "cp1252"}, before=lambda: os.close(0)
    ),
    "UTF-8, dumb terminal": Environment(
        {"PYTHONIOENCODING": "utf-8", "TERM": "dumb"}, terminal=True
    ),
    "the C locale, no home": Environment(
        {
            **{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            **{"HOME": None, "PYTHONIOENCODING": None},
        }
    ),
    "a full disk for its output": Environment(output="/dev/full", status=2),
    "a pipe that nobody reads": Environment(unread=True, status=1),
    "a folder that cannot be written": Environment(
        # Root may write everywhere but there.
        folder="/proc" if os.geteuid() == 0 else "/",
        without_out=True,
    ),
}
# Those that write no file work there too.
NO_FILE = {
    *(("run",), ("doctor",), ("translate",), ("conformance",), ("lab", "check")),
}


def test_every_command_has_its_arguments():
    assert ARGUMENTS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("words", [(), ("lab",), *COMMANDS], ids=" ".join)
def test_help_is_shown_in_every_encoding(words, encoding, monkeypatch):
    for columns in ("80", "40", "20"):
        monkeypatch.setenv("COLUMNS", columns)
        result = CliRunner(charset=encoding).invoke(main, [*words, "--help"])
        assert (result.exit_code, result.exception) == (0, None)
        assert "?" not in result.stdout_bytes.decode(encoding)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a submission and a stub for each framework."""
    folder = tmp_path / "handed in"
    folder.mkdir()
    (folder / "Müller.py").write_text(HANDED_IN, encoding="utf-8")
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for framework in list(FRAMEWORKS.values())[1:]:
        stub = "raise ImportError('\\x1b[31mno driver\\x1b[0m \\udc80')"
        (stubs / f"{framework.module}.py").write_text(stub)
    return folder


def read_until_closed(terminal: int, into: list[bytes]) -> None:
    with suppress(OSError):  # how Linux says that the other end is closed
        while block := os.read(terminal, 65536):
            into.append(block)


def outcome(arguments: list[str], environment: Environment, **variables: str):
    """(exit status, all that the command printed)."""
    settings = {**os.environ, **variables, **environment.variables}
    ours, theirs = pty.openpty() if environment.terminal else os.pipe()
    output = theirs
    if environment.output:
        output = os.open(environment.output, os.O_WRONLY)
    elif environment.unread:
        unread, output = os.pipe()
        os.close(unread)
    blocks: list[bytes] = []
    reader = threading.Thread(target=read_until_closed, args=(ours, blocks))
    reader.start()
    try:
        status = subprocess.run(
            [sys.executable, "-m", "d2lopt", *arguments],
            env={name: value for name, value in settings.items() if value is not None},
            cwd=environment.folder or None,
            preexec_fn=environment.before,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=theirs,
            timeout=120,
        ).returncode
    finally:
        for end in {output, theirs}:
            os.close(end)
        reader.join()
        os.close(ours)
    return status, b"".join(blocks)


@pytest.mark.processes
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            words, marks=[pytest.mark.slow] * (words in SLOW), id=" ".join(words)
        )
        for words in COMMANDS
    ],
)
def test_no_command_ends_in_a_traceback(words, environment, here, tmp_path):
    given = ARGUMENTS[words].split()
    out = str(tmp_path / "out")
    if environment.without_out:
        given = [a for a in given if not a.startswith("OUT") and a != "--out"]
    given = [a.replace("OUT", out).replace("HERE", str(here)) for a in given]
    path = [str(here.parent / "stubs")] * (words == ("doctor",))
    path += os.environ.get("PYTHONPATH", "").split(os.pathsep)
    status, printed = outcome(
        [*words, *given], environment, PYTHONPATH=os.pathsep.join(path)
    )
    text = printed.decode(environment.variables.get("PYTHONIOENCODING") or "utf-8")
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    expected = (
        STATUS.get(words, 0) if environment.status is None else environment.status
    )
    if environment.without_out and words not in NO_FILE:
        expected = 2
        assert text.splitlines()[-1].startswith("d2lopt: cannot write")
    assert status == expected, text
    # Colours are rich's own; what the student's error has is not among them.
    assert "\x1b[31m" not in text
    assert "\x9b" not in text
