"""One source: the student's version of a lab, and the solved one."""

import json
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lopt.errors import InputError
from d2lopt.lab.handout import source, student
from d2lopt.lab.handout.source import BEGIN, END, PLACEHOLDER, parse, with_checks
from d2lopt.runs.chapters import ORDER

CHAPTERS = Path(__file__).parents[2] / "chapters"

LAB = f"""\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # A lab

# %%
from d2lopt import lesson

d2l = lesson.start("rmsprop")

# %% [markdown]
# Write the rule.


# %%
def rmsprop(params, grads, states, hyperparams):
    {BEGIN}
    for p in params:
        pass  # the secret
    {END}


# %%
def gamma_one(lr, eps, g):
    x = lr
    {BEGIN}
    x = x * g / eps**0.5  # another secret
    {END}
    return x


print("kept")
"""


def test_the_student_gets_placeholders_and_a_check_after_each_exercise():
    script = with_checks(parse(LAB), "jax")
    assert "secret" not in script
    assert BEGIN not in script
    assert script.count(PLACEHOLDER) == 2
    assert 'lesson.start("rmsprop", "jax")' in script
    assert "# # A lab" in script
    assert 'print("kept")' in script
    for name in ("rmsprop", "gamma_one"):
        assert script.index(f"def {name}") < script.index(f"lab.check({name})")
    compile(script, "script", "exec")


def test_the_solved_version_has_the_checks_too():
    script = with_checks(parse(LAB), "jax", placeholders=False)
    assert script.count("secret") == 2
    assert script.count("lab.check(") == 2


# -------------------------------------------------- all else is as it is in the source


def without_checks(script):
    """The script without the cells that check."""
    kept, in_check = [], False
    for line in script.split("\n"):
        if re.match(r"#\s*%%", line):
            in_check = line == source.CHECK_CELL
        if not in_check:
            kept.append(line)
    return "\n".join(kept)


def without_solutions(text):
    """The source with a placeholder for each region between markers."""
    region = rf"(?ms)^([^\S\n]*){BEGIN}.*?{END}(\r?)$"
    return re.sub(region, rf"\1{PLACEHOLDER}\2", text)


def body(script):
    """From the first cell on: what a notebook has in its cells."""
    return script[script.index("# %%") :]


@pytest.mark.parametrize("chapter", ORDER)
def test_a_chapter_differs_in_solutions_checks_and_backend_only(chapter):
    text = (CHAPTERS / f"{chapter}.py").read_text(encoding="utf-8")
    start = f'lesson.start("{chapter}")'
    assert start in text
    for_jax = text.replace(start, f'lesson.start("{chapter}", "jax")')
    script = with_checks(parse(text), "jax")
    assert without_checks(script) == without_solutions(for_jax)
    solved = with_checks(parse(text), "jax", placeholders=False)
    assert without_checks(solved) == for_jax
    saved = nbformat.writes(student.notebook_of(script))
    opened = nbformat.reads(saved, as_version=4)
    assert body(jupytext.writes(opened, fmt="py:percent")) == body(script)


LINES = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028"),
    max_size=20,
)


@st.composite
def scripts(draw):
    """Scripts of any cells, with any text, indents, blank lines and line endings."""
    parts = [draw(st.sampled_from(["", "# a header\n", "\n\n"]))]
    for i in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["text", "code", "exercise", "two", "top"]))
        blank = "\n" * draw(st.integers(0, 3))
        words = draw(LINES)
        indent = " " * draw(st.sampled_from([1, 2, 4, 8]))
        region = f"{indent}{BEGIN}\n{indent}x = {i}  # {words}\n{indent}{END}\n"
        if kind == "text":
            parts.append(f"# %% [markdown]\n# {words}\n{blank}")
        elif kind == "code":
            parts.append(f"# %%\nx = {words!r}\n{blank}")
        elif kind == "top":
            parts.append(f"# %%\n{BEGIN}\ndef f{i}(): pass\n{END}\n{blank}")
        else:
            again = region if kind == "two" else ""
            after = draw(st.sampled_from(["", f"{indent}return x\n"]))
            parts.append(f"# %%\ndef f{i}():\n{region}{again}{after}{blank}")
    text = "".join(parts)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text.rstrip("\r\n") if draw(st.booleans()) else text


@given(scripts())
@settings(max_examples=300, deadline=None)
def test_nothing_else_differs_whatever_the_source(text):
    lab = parse(text)
    script = with_checks(lab, "numpy")
    assert without_checks(script) == without_solutions(text)
    assert without_checks(with_checks(lab, "numpy", placeholders=False)) == text
    assert script.count(PLACEHOLDER) == text.count(BEGIN)
    for name in lab.functions:
        assert f"lab.check({name})" in script


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"# %%\n{BEGIN}\nx = 1\n", "line 2: this solution has no '### END SOLUTION'"),
        (f"# %%\nx = 1\n{END}\n", "line 3: '### END SOLUTION' without a beginning"),
        (f"# %%\n{BEGIN}\n{BEGIN}\n{END}\n", "line 3: a solution begins within"),
        (f"# %%\n{BEGIN}\n# %%\n{END}\n", "line 2: this solution has no"),
        (f"# %% [markdown]\n{BEGIN}\n{END}\n", "line 2: a solution cannot stand in"),
        (f"{BEGIN}\n{END}\n# %%\n", "line 1: a solution stands before the first"),
        (f"# %%\n{PLACEHOLDER}\n", "line 2: this is a student's version"),
        (f"# %%\n{BEGIN}\ndef f(:\n{END}\n", "line 3: "),
    ],
)
def test_markers_that_do_not_match_are_named_with_their_line(text, words):
    with pytest.raises(InputError, match="the source, ") as error:
        parse(text)
    assert words in str(error.value)


def test_both_files_are_written_and_say_the_same(tmp_path):
    (tmp_path / "rmsprop.py").write_text(LAB)
    paths = student.write_student(str(tmp_path / "rmsprop.py"), "jax", tmp_path / "o")
    script, notebook = paths[0].read_text(), json.loads(paths[1].read_text())
    assert script == with_checks(parse(LAB), "jax")
    tags = [cell["metadata"].get("tags") for cell in notebook["cells"]]
    assert tags.count([source.CHECK_TAG]) == 2
    assert "secret" not in paths[1].read_text()
    again = student.write_student(str(tmp_path / "rmsprop.py"), "jax", tmp_path / "p")
    assert again[1].read_bytes() == paths[1].read_bytes()
    assert len(jupytext.read(paths[1]).cells) == len(notebook["cells"]) == 7


def test_a_script_without_exercises_is_no_lab(tmp_path):
    (tmp_path / "x.py").write_text("# %%\nx = 1\n")
    with pytest.raises(InputError, match="has no exercise"):
        student.find(str(tmp_path / "x.py"))
