"""The table of operators that every stand-in for an array has."""

import operator

import numpy as np
import pytest

from d2lopt.backend.operators import BINARY, COMPARISONS, UNARY, Operators


class Noted(Operators):
    """Gives back what it was asked for."""

    def operate(self, operation, *operands):
        return operation.__name__, *operands


x = Noted()


@pytest.mark.parametrize("operation", UNARY, ids=lambda f: f.__name__)
def test_one_operand(operation):
    assert operation(x) == (operation.__name__, x)


@pytest.mark.parametrize("operation", BINARY, ids=lambda f: f.__name__)
def test_operands_come_in_the_order_in_which_they_are_written(operation):
    name = operation.__name__
    for other in (2.0, None, np.float32(2), np.ones(3)):
        assert operation(x, other)[1:] == (x, other)
        found = operation(other, x)
        assert found[0] == name
        assert found[1] is other
        assert found[2] is x


@pytest.mark.parametrize("operation", COMPARISONS, ids=lambda f: f.__name__)
def test_a_comparison_may_be_turned_round(operation):
    turned = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
    name = operation.__name__
    assert operation(x, 2) == (name, x, 2)
    assert operation(2, x) == (turned.get(name, name), x, 2)


def test_what_python_would_take_for_granted():
    with pytest.raises(TypeError, match="a Noted is neither true nor false"):
        bool(x)
    assert {x: 1}[x] == 1  # comparing takes no hash away
    assert operator.iadd(x, 2) == ("add", x, 2)
