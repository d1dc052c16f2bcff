"""A compiler that reads the rule: five lines become one loop over the elements.

The rule runs once a step with tracers in place of the arrays. They record what it
computes, elementwise, and which variable gets it; `loops` makes one loop of the record,
which reads each element once and writes it once, and keeps that loop for the next step.
Numbers (hyperparameters, states of shape (), literals) are computed while the rule is
read, in float64, and are arguments of the loop: a new value needs no new loop, and a
rule that decides by them is followed on each step.

A sum over all elements is a loop of its own, run when the rule asks for it. What can't
be recorded (another function, an array that has another shape, a decision by an
element) makes the rule run as it is written.
"""

from __future__ import annotations

import itertools
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..backend.contract import Backend, Tensor, Variable
from ..rules import native
from ..rules.forms import is_library_rule
from ..rules.groups import OverGroups
from ..rules.rule import LearnersRule, Rule
from . import loops
from .loops import Array
from .tracing import TRACING, Leaf, NotElementwise, Number, Owner

View = Callable[[Tensor], Array | None]
CompiledRule = Callable[[Sequence[Any], Sequence[Any], Sequence[Any], Any], None]


def at_address(
    address: int | None,
    shape: tuple[int, ...],
    dtype: Any,
    strides: Sequence[int] | None = None,
) -> Array:
    """The array that is in memory there, writable; `strides` in bytes. Not a copy."""
    if not address or 0 in shape:
        return np.empty(shape, dtype)
    memory = types.SimpleNamespace(
        __array_interface__={
            "version": 3,
            "data": (address, False),
            "shape": shape,
            "typestr": np.dtype(dtype).str,
            "strides": None if strides is None else tuple(strides),
        }
    )
    return np.asarray(memory)


def _with_tracing(function: Any, d2l: Any) -> Any:
    """A learner's function, which finds the tracing namespace where it has `d2l`.

    It names d2l as a global or in its closure, so it is made again with others.
    """
    if not isinstance(function, types.FunctionType):
        return function

    def replaced(value: Any) -> Any:
        return TRACING if value is d2l else value

    def replaced_in(cell: Any) -> Any:
        try:
            return types.CellType(replaced(cell.cell_contents))
        except ValueError:  # nothing is in it yet
            return cell

    names = {name: replaced(value) for name, value in function.__globals__.items()}
    closure = tuple(map(replaced_in, function.__closure__ or ()))
    again = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, closure
    )
    again.__kwdefaults__ = function.__kwdefaults__
    return again


class Step(NamedTuple):
    """One step: what the rule is read with, and where that leaves what to do."""

    owners: list[Owner]
    numbers: list[Number]
    params: list[Leaf]
    grads: list[Leaf]
    states: list[Any]
    hyperparams: dict[str, Any]


def _with_tracers(
    view: View,
    params: Sequence[Variable],
    grads: Sequence[Tensor],
    states: Sequence[Any],
    hyperparams: Mapping[str, Any],
) -> Step:
    """Tracers for all arrays; NotElementwise if one cannot have any."""
    if not len(params) == len(grads) == len(states):
        raise NotElementwise("there is not one state for each parameter")
    step = Step([], [], [], [], [], {})
    for name, value in hyperparams.items():
        if getattr(value, "shape", None) not in (None, ()):
            raise NotElementwise("a hyperparameter is an array")
        step.hyperparams[name] = value if _plain(value) else float(value)

    def array_of(x: Any, dtype: Any = None) -> Array:
        array = view(x) if hasattr(x, "shape") else None
        if array is None or array.dtype not in (np.float32, np.float64):
            raise NotElementwise("an array is not in this machine's memory as floats")
        if dtype is not None and array.dtype != dtype:
            raise NotElementwise("its arrays have several dtypes")
        return array

    def traced(owner: Owner, state: Any) -> Any:
        if isinstance(state, list | tuple):
            return type(state)([traced(owner, inner) for inner in state])
        array = array_of(state)
        if array.shape == owner.shape and array.dtype == owner.arrays[0].dtype:
            return owner.leaf(array)
        if array.shape != ():
            raise NotElementwise("a state has another shape than its parameter")
        step.numbers.append(Number(array))
        return step.numbers[-1]

    for p, g, state in zip(params, grads, states, strict=True):
        array = array_of(p)
        order = tuple(np.argsort([-stride for stride in array.strides], kind="stable"))
        owner = Owner(array.shape, order)
        step.owners.append(owner)
        step.params.append(owner.leaf(array))
        gradient = array_of(g, array.dtype)
        if gradient.shape != array.shape:
            raise NotElementwise("a gradient has another shape than its parameter")
        step.grads.append(owner.leaf(gradient, readonly=True))
        step.states.append(traced(owner, state))
    _check_apart(step)
    return step


def _plain(value: Any) -> bool:
    return isinstance(value, int | float) or not hasattr(value, "shape")


def _check_apart(step: Step) -> None:
    """No two arrays share memory: else the order of the writes would matter."""
    arrays = [a for owner in step.owners for a in owner.arrays if a.size]
    arrays += [number.array for number in step.numbers]
    spans = sorted((a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays)
    for (_, end), (start, _) in itertools.pairwise(spans):
        if start < end:
            raise NotElementwise("two of its arrays share memory")


def compiled(
    d2l: Backend,
    rule: Any,
    view: View,
    changed: Callable[[Variable], None] = lambda x: None,
) -> CompiledRule:
    """`rule` as a function that changes params and states in one pass over them.

    `view(x)` is the tensor x as a NumPy array that shares its memory, once pending work
    on it is done, or None if there is no such array; `changed(p)` is called for each
    parameter after it was written.
    """
    as_written = native.rule_of(d2l, rule).step
    to_read = as_written
    if isinstance(to_read, LearnersRule):
        to_read = LearnersRule(_with_tracing(to_read.rule, d2l))
    can_be_read = True

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        nonlocal can_be_read
        reason: Exception | None = None
        if can_be_read:
            try:
                traced = _with_tracers(view, params, grads, states, hyperparams)
            except NotElementwise:  # these arrays; those of the next step may be
                as_written(d2l, params, grads, states, hyperparams)
                return
            try:
                with np.errstate(all="ignore"):
                    to_read(TRACING, *traced[2:])
            except Exception as error:
                reason = error
            else:
                _write(traced)
                for p in params:
                    changed(p)
                return
        as_written(d2l, params, grads, states, hyperparams)
        if reason is not None:  # and the rule as it is written has none to complain
            can_be_read = False
            warnings.warn(
                f"the rule is not compiled, as {reason}; it runs as it is written.",
                stacklevel=2,
            )

    return step


def _write(step: Step) -> None:
    """Run the loops that the rule has recorded."""
    loops.run(
        [
            (owner.program(), owner.arrays, owner.numbers)
            for owner in step.owners
            if owner.stores
        ]
    )
    for number in step.numbers:
        number.array[()] = number.value


# ----------------------------------------------------------------- native optimizers

LARGE = 1_000_000
"""Elements of all parameters together from which on a native optimizer compiles.

Reading and compiling a rule costs about half a second, and a step of so many elements
some milliseconds more as written than compiled: a few hundred steps repay it.
"""


def may_compile(rule: Rule) -> bool:
    """Whether a rule is compiled without being asked: a learner's own is not."""
    step = rule.step
    return is_library_rule(step.chain if isinstance(step, OverGroups) else rule)


def for_size(d2l: Backend, rule: Rule) -> Callable[..., None]:
    """The step of the rule, bound to d2l: compiled if the parameters are large.

    A function of a learner's runs as written, so that its prints and breakpoints work.
    """
    if not may_compile(rule):
        return lambda *arguments: rule.step(d2l, *arguments)
    step: CompiledRule | None = None

    def by_size(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        nonlocal step
        if sum(_size(p) for p in params) < LARGE:
            rule.step(d2l, params, grads, states, hyperparams)
            return
        if step is None:
            step = d2l.compiled(rule)
        step(params, grads, states, hyperparams)

    return by_size


def _size(p: Any) -> int:
    return int(np.prod([int(n) for n in p.shape], dtype=np.int64))
