"""The exercises of the chapters: marked, enough of them, and solved."""

from pathlib import Path

import pytest

from d2lopt.lab.checks.exercises import EXERCISES
from d2lopt.lab.grading import question
from d2lopt.lab.handout import source
from d2lopt.runs.chapters import ORDER

CHAPTERS = Path(__file__).parents[2] / "chapters"


@pytest.mark.parametrize("chapter", ORDER)
def test_a_chapter_has_the_exercises_that_are_checked(chapter):
    lab = source.read(CHAPTERS / f"{chapter}.py")
    assert len(lab.functions) >= 3
    assert len(set(lab.functions)) == len(lab.functions)
    assert set(lab.functions) == {exercise.name for exercise in EXERCISES[chapter]}


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ORDER)
def test_the_solutions_pass_and_the_placeholders_do_not(chapter, d2l):
    lab = source.read(CHAPTERS / f"{chapter}.py")
    handed_out = source.with_checks(lab, "numpy")
    for exercise in EXERCISES[chapter]:
        asked = (False, chapter, exercise.name, d2l)
        solved = question.answer(lab.text, *asked)
        assert solved["passed"], solved
        empty = question.answer(handed_out, *asked)
        assert empty["mistake"] == "not-implemented", empty
