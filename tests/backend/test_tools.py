"""What framework modules need alike."""

import numpy as np
import pytest

from d2lopt.backend.tools import Programs, kind


def test_a_program_is_made_once_for_each_key():
    programs, made = Programs(), iter(range(9))
    found = [programs.get(key, lambda: next(made)) for key in ("a", "b", "a", "a")]
    assert found == [0, 1, 0, 0]
    assert programs.get("none", lambda: None) is None
    assert programs.get("none", lambda: "other") is None


def test_the_program_that_has_not_run_for_longest_goes():
    programs = Programs(most=2)
    for key in ("a", "b", "a", "c"):
        programs.get(key, lambda: "first")
    found = [programs.get(key, lambda: "again") for key in ("a", "c", "b")]
    assert found == ["first", "first", "again"]


def test_what_fails_to_compile_is_tried_again():
    programs = Programs()
    with pytest.raises(ZeroDivisionError):
        programs.get("a", lambda: 1 / 0)
    assert programs.get("a", lambda: "made") == "made"


def test_what_a_program_is_compiled_for():
    x = np.ones((2, 3), "f4")
    assert kind(x) == kind(2 * x)
    kinds = [kind(y) for y in (x, x.T, x.astype("f8"), np.float32(1), 1.0, 1, None)]
    assert len(set(kinds)) == len(kinds)
