"""The command on a report's page makes the same comparison again."""

import os
import re
import shlex
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.backend.load import DEVICE
from d2lopt.cli.main import main
from d2lopt.cli.run import checked_spec, compare
from d2lopt.pages.report.page import command
from d2lopt.rules.hyperparams import HYPERPARAMS
from d2lopt.rules.optimizers import RULES
from d2lopt.train.record import IMPLEMENTATIONS, Spec


def parsed(line):
    """The Spec that the command line asks for, and all its options."""
    program, name, *words = shlex.split(line)
    assert (program, name) == ("d2lopt", "compare")
    device = os.environ.get(DEVICE)
    try:
        options = compare.make_context(name, words).params
        asked_for = os.environ[DEVICE]
    finally:  # the option writes it there
        os.environ.pop(DEVICE, None)
        if device is not None:
            os.environ[DEVICE] = device
    spec = checked_spec(
        options["optimizer"], options["data"], IMPLEMENTATIONS, dict(options)
    )
    return spec, options | {"device": asked_for}


@st.composite
def specs(draw):
    optimizer = draw(st.sampled_from(list(RULES)))
    hyperparams = {
        name: draw(
            st.floats(
                HYPERPARAMS[name].least,
                min(HYPERPARAMS[name].greatest, 1e300),
                exclude_min=HYPERPARAMS[name].above,
                exclude_max=HYPERPARAMS[name].below,
            )
        )
        for name in RULES[optimizer].hyperparams
    }
    return Spec(
        backend="",
        optimizer=optimizer,
        hyperparams=hyperparams,
        dtype=draw(st.sampled_from(["float32", "float64"])),
        seed=draw(st.integers(0, 2**40)),
        epochs=draw(st.integers(1, 10**6)),
        batch_size=draw(st.integers(1, 1500)),
        compile=draw(st.sampled_from([None, True, False])),
    )


@given(specs(), st.sets(st.sampled_from(list(FRAMEWORKS)), min_size=1), st.text())
def test_the_printed_command_is_the_same_spec(spec, backends, name):
    path = Path("page " + re.sub(r"[/\0]", "", name) + ".html")
    again, options = parsed(command(spec, sorted(backends), path))
    assert again == spec
    assert (options["backends"] or ",".join(FRAMEWORKS)).split(",") == sorted(backends)
    assert options["html"] == path


SPEC = Spec("", "rmsprop", dict(RULES["rmsprop"].hyperparams))


def test_a_file_is_named_as_it_was_given(airfoil, tmp_path):
    path = tmp_path / "it's a $file.dat"
    path.write_bytes(airfoil.read_bytes())
    spec = Spec(**{**vars(SPEC), "data": str(path)})
    again, _ = parsed(command(spec, ["numpy"], Path("x.html"), {"--data": str(path)}))
    assert again == spec
    # Where the file was found without its name, a page that is passed on has none.
    line = command(spec, ["numpy"], Path("x.html"), {"--data": "auto"})
    assert "--data airfoil" in line
    assert str(tmp_path) not in line


def test_a_device_and_what_else_was_given_is_said(monkeypatch):
    monkeypatch.setenv(DEVICE, "cuda")
    more = {"--limit": 0.1, "--out": Path("o u t"), "--json": True}
    _, options = parsed(command(SPEC, ["numpy"], Path("x.html"), more))
    assert options["device"] == "cuda"
    assert (options["limit"], options["out"]) == (0.1, Path("o u t"))
    assert options["as_json"] is True
    assert "--limit" not in command(SPEC, ["numpy"], Path("x.html"))


@pytest.mark.processes
def test_the_command_on_a_page_is_that_of_its_comparison(airfoil, tmp_path):
    words = ["compare", "sgd", "--backends", "numpy", "--lr", "0.123456789012345"]
    words += ["--batch-size", "500", "--epochs", "1", "--no-compile", "--limit", "77"]
    words += ["--data", str(airfoil), "--out", "the results", "--html", "page.html"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    text = Path("page.html").read_text(encoding="utf-8")
    line = unescape(re.search(r"<code>(d2lopt compare .*)</code>", text)[1])
    assert parsed(line) == parsed(shlex.join(["d2lopt", *words]))
