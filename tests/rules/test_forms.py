"""Which form a rule has, and whose it is: the library's may be compiled unasked."""

import functools
import types
from dataclasses import dataclass

import numpy as np
import pytest

from d2lopt import fuse
from d2lopt.rules import native, pieces
from d2lopt.rules import optimizers as rules
from d2lopt.rules.forms import as_rule, is_elementwise, is_library_rule
from d2lopt.rules.optimizers import RULES
from d2lopt.rules.pieces import PIECES, ByLr, Chain, ClipByNorm, Piece, Times
from d2lopt.rules.rule import LearnersRule, Rule, nothing

EACH = [kind(2.0) if kind is Times else kind() for kind in PIECES.values()]


@dataclass(frozen=True)
class Halved(Piece):
    """A piece of a learner's own."""

    def one(self, d2l, p, u, state, h):
        return 0.5 * u


class Clipped(ClipByNorm):
    """A learner's piece that changes one of the library's."""

    def one(self, d2l, p, u, state, h):
        print("clipped")
        return super().one(d2l, p, u, state, h)


# -------------------------------------------------------------------------- whose it is


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_the_library_s_however_its_framework_is_filled_in(d2l, name):
    rule = RULES[name]

    @functools.wraps(rule.step)
    def checked(*arguments):
        rule.step(*arguments)

    for form in (
        rule,
        rule.step,
        getattr(d2l, name),
        functools.partial(rule.step, d2l),
        types.MethodType(rule.step, d2l),
        types.MethodType(checked, d2l),
    ):
        assert as_rule(form) is rule
        assert is_library_rule(form)
        assert is_elementwise(form)


def test_a_function_that_wraps_one_of_the_library_is_its_writer_s(d2l):
    @functools.wraps(d2l.sgd)
    def mine(*arguments):
        print("a step")
        d2l.sgd(*arguments)

    for rule in (
        mine,
        lambda params, grads, states, hyperparams: None,
        functools.partial(rules.sgd, d2l, h={"lr": 0.1}),
        Rule(mine, nothing, {"lr": 0.1}),
    ):
        assert not is_library_rule(rule)
        assert not is_elementwise(rule)
    assert isinstance(as_rule(mine).step, LearnersRule)


def test_the_table_of_pieces_has_all_of_them():
    here = [x for x in vars(pieces).values() if isinstance(x, type)]
    wanted = {x for x in here if issubclass(x, Piece) and x is not Piece}
    assert set(PIECES.values()) == wanted
    assert len(wanted) == len(PIECES) == 14


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("piece", EACH, ids=PIECES)
def test_a_chain_is_the_library_s_if_all_of_its_pieces_are(piece, place):
    chain = Chain(piece, ByLr())
    assert is_library_rule(chain)
    assert not is_elementwise(chain)
    for own in (Halved(), Clipped()):
        links = [piece, ByLr()]
        links.insert(place, own)
        chain = Chain(*links)
        assert not is_library_rule(chain)
        assert not is_library_rule(chain.rule)
        assert not fuse.may_compile(native.rule_of(None, chain))


def test_a_chain_that_is_called_in_another_way_is_its_writer_s():
    class Told(Chain):
        def __call__(self, *arguments):
            print("a step")
            super().__call__(*arguments)

    assert not is_library_rule(Told(ByLr()))


def test_a_large_step_of_a_learner_s_piece_runs_as_it_is_written(d2l):
    """With the tensors themselves, so that it can print their numbers."""
    seen = []

    class Seeing(Piece):
        def one(self, d2l, p, u, state, h):
            seen.append(u)
            return u

    rule = native.rule_of(d2l, Chain(Seeing(), ByLr()))
    step = fuse.for_size(d2l, rule)
    p, g = (d2l.variable(d2l.ones((fuse.LARGE,))) for _ in range(2))
    for _ in range(2):
        step([p], [g], rule.init_states(d2l, [p]), {"lr": 0.25})
    assert [float(d2l.numpy(u).sum()) for u in seen] == [fuse.LARGE] * 2
    np.testing.assert_array_equal(d2l.numpy(p)[:3], 0.5)
