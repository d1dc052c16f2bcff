"""Exercise functions out of submissions: what is taken along, and what is not."""

import json

import pytest
from lab_samples import GOOD, NOT_READABLE

from d2lopt.lab.grading.extract import NotReadable, decode, extract
from d2lopt.lab.grading.question import define


def run(text, function="f", notebook=False):
    """What the extracted function is, and the first problem on the way."""
    return define(extract(text, notebook, function), function, "the grader's d2l")


def value(text, **more):
    function, problem = run(text, **more)
    assert problem == ""
    return function()


@pytest.mark.parametrize(
    "text",
    [
        "K = 7\ndef f(): return K",
        "def f(): return g()\ndef g(): return K\nK = 7",
        "import math as m\ndef f(): return int(m.sqrt(49))",
        "from math import *\ndef f(): return int(sqrt(49))",
        "from __future__ import annotations\ndef f(x: No = 7) -> Such: return x",
        "class A:\n    k = 7\n    def get(self): return self.k\nf = lambda: A().get()",
        "class B: k = 7\nclass A(B): pass\ndef f(): return A.k",
        "d = {}\nd['k'] = 7\ndef f(): return d['k']",
        "class A: pass\na = A()\na.k = 7\ndef f(): return a.k",
        "l = []\nl.append(7)\ndef f(): return l[0]",
        "k = 3\nk += 4\ndef f(): return k",
        "k = 3\nk = 7\ndef f(): return k",
        "def f(): return 3\ndef f(): return 7",
        "f = lambda: 7",
        "a, b = 3, 4\nf = lambda: a + b",
        "def twice(g): return lambda: 2 * g()\n@twice\ndef f(): return 3.5",
        "def f(k=[i for i in range(8)]): return k[7]",
        "K = 7\ndef f():\n    def g(): return [K for _ in 'x'][0]\n    return g()",
        "def f():\n    global K\n    K = 7\n    return K",
        "try: import no_such as n\nexcept ImportError: n = 7\ndef f(): return n",
        "if True:\n    def f(): return 7",
        "for K in range(8): pass\ndef f(): return K",
        "def f(): return 7\n\n1 / 0\n",
        "K = 1 / 0\ndef f(): return 7",
        "while True: pass\n# %%\ndef f(): return 7",
        "# %%\ndef g(:\n    pass\n# %%\ndef f(): return 7",
        "def g(:\n    pass\n\nK = 7\n\ndef f():\n    return K\n",
        "x = (1,\n\ndef f():\n    return 7\n",
        "import sys\nsys.exit()\ndef f(): return 7",
        "\ufeffdef f(): return 7",
        "def f(): return 7\r\n",
        "def max(*x): return 7\ndef f(): return max(1, 2)",
        "sum = iter = lambda x: 7\ndef f(): return sum([iter(0)])",
        "from operator import add as pow\ndef f(): return pow(3, 4)",
        "class print:\n    k = 7\ndef f(): return print.k",
    ],
)
def test_a_function_comes_with_what_it_needs(text):
    assert value(decode(text.encode())) == 7


@pytest.mark.parametrize(
    "text",
    [
        "x = forbidden()\ndef f():\n    x = 1\n    return 7",
        "def f(x=7): return x\nx = forbidden()",
        "def f(): return 7\nforbidden(f())",
        "import numpy as np\ndef f(): return np.int64(7)\nnp.save(forbidden())",
    ],
)
def test_what_it_does_not_need_is_left(text):
    assert "forbidden" not in str(extract(text, False, "f").statements)
    assert value(text) == 7


def test_the_framework_is_the_graders():
    for text in (
        "from d2lopt import lesson\nd2l = lesson.start('x')",
        "import nothing_such as d2l",
        "from d2lopt import errors as e, runs as d2l\nK = e",
    ):
        function, problem = run(f"{text}\ndef f(): return d2l")
        assert (function(), problem) == ("the grader's d2l", "")


def test_a_need_that_fails_is_named_and_does_not_hide_the_function():
    function, problem = run("# %%\nK = 1 / 0\ndef f(): return K")
    assert function is not None
    assert problem == "line 2: ZeroDivisionError: division by zero"


def test_a_function_that_is_not_there_is_told_apart_from_a_damaged_one():
    assert extract("x = 1", False, "f").problem == "There is no function f to be found."
    damaged = extract("x = 1\ndef f(:\n  pass", False, "f").problem
    assert "line 2: invalid syntax" in damaged


def notebook(*cells):
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": c} for c in cells], "nbformat": 4}
    )


def test_a_notebook_is_read_with_its_magics_and_damaged_cells():
    text = notebook(
        "%matplotlib inline\nK = 7\n!pip install x\n?help",
        "%%bash\nforbidden()",
        "def g(:",
        ["%%time\n", "def f():\n", "    return K\n"],
    )
    assert value(text, notebook=True) == 7


def test_errors_in_a_notebook_name_the_cell():
    _, problem = run(notebook("x = 1", "\nf = 1 / 0"), notebook=True)
    assert problem.startswith("cell 2, line 2: ZeroDivisionError")


def test_every_exercise_of_the_good_submission_is_found():
    for name in ("rmsprop", "rmsprop_2d", "gamma_one", "f_grad", "softmax_grads"):
        function, problem = run(GOOD, name)
        assert callable(function)
        assert problem == ""


@pytest.mark.parametrize("name", NOT_READABLE)
def test_what_cannot_be_read_says_why(name):
    with pytest.raises(NotReadable, match=r"^(The|This) .*[.\n)]"):
        extract(decode(NOT_READABLE[name]), name.endswith(".ipynb"), "f")
