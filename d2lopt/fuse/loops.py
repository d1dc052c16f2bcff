"""One loop over the elements, made of a recorded rule, and the threads that run it.

With Numba, the loop is compiled: it reads each element once and writes it once, at the
speed of the memory. Without, the same lines run with NumPy over blocks that fit into
the cache, which takes five to six times as long.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from ..backend.environment import cores
from ..backend.tools import compile_clock

Array = np.ndarray[Any, Any]

FUNCTIONS = (
    *("sqrt", "square", "exp", "log", "abs", "sign", "sin", "cos"),
    *("maximum", "minimum"),
)
_SIGNS = {"neg": "-", "pos": "+"}
_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**"}
KNOWN = {*FUNCTIONS, *_SIGNS, *_SYMBOLS}  # what a line of a program may compute
BLOCK = 2**14  # elements: what a rule holds at a time fits into a core's cache
_CHUNK = 2**19  # elements that a thread takes at a time
_SMALL = 2**17  # elements below which threads cost more than they save


class Program(NamedTuple):
    """What one loop computes; equal programs share a compiled loop.

    Each line of `code` is (operation, *lines that it takes); ("load", k) reads array k
    and ("number", k) number k. `stores` holds pairs of an array and the line that it
    gets. With `total_of`, the loop stores nothing and gives the sum of that line.
    """

    code: tuple[tuple[Any, ...], ...]
    stores: tuple[tuple[int, int], ...]
    total_of: int | None
    dtype: str
    arrays: int

    @property
    def numbers(self) -> int:
        return sum(line[0] == "number" for line in self.code)

    def lines(self, element: str) -> list[str]:
        """The record as Python, for one element `a[i]` or one block `a[:]`."""
        lines = []
        for n, (operation, *taken) in enumerate(self.code):
            names = [f"x{k}" for k in taken]
            if operation == "load":
                value = f"a{taken[0]}[{element}]"
            elif operation == "number":
                value = f"k{taken[0]}"
            elif operation in _SIGNS:
                value = f"{_SIGNS[operation]}{names[0]}"
            elif operation in _SYMBOLS:
                value = f"{names[0]} {_SYMBOLS[operation]} {names[1]}"
            else:
                value = f"np.{operation}({', '.join(names)})"
            lines.append(f"x{n} = {value}")
        if self.total_of is None:
            lines += [f"a{k}[{element}] = x{n}" for k, n in self.stores]
        return lines

    def source(self, *, compiled: bool) -> str:
        """A function of the arrays and then of the numbers, as Python text."""
        given = [f"a{k}" for k in range(self.arrays)]
        given += [f"k{k}" for k in range(self.numbers)]
        body = [f"k{k} = np.{self.dtype}(k{k})" for k in range(self.numbers)]
        element = "i" if compiled else "i : i + block"
        inside = self.lines(element)
        if self.total_of is not None:
            body.append("total = 0.0")
            summand = f"x{self.total_of}"
            if not compiled:
                same = f"np.broadcast_to({summand}, a0[{element}].shape)"
                summand = f"np.sum({same}, dtype=np.float64)"
            inside.append(f"total += {summand}")
        steps = "a0.size" if compiled else "0, a0.size, block"
        body += [f"for i in range({steps}):", *(f"    {line}" for line in inside)]
        body += ["return total"] if self.total_of is not None else []
        head = f"def loop({', '.join(given)}):"
        return "\n    ".join([head, *body]) + "\n"


@lru_cache(maxsize=1)
def numba() -> Any:
    """The module, or None where it is not installed."""
    try:
        import numba
    except ImportError:
        return None
    return numba


compilations = 0  # in this process; a new hyperparameter adds none


@lru_cache(maxsize=256)  # programs, so that each is compiled once
def _loop(program: Program) -> Callable[..., Any]:
    """The function of flat arrays and numbers that the program is."""
    global compilations
    with compile_clock.running():
        compilations += 1
        compiler = numba()
        source = program.source(compiled=compiler is not None)
        names: dict[str, Any] = {"np": np, "block": BLOCK}
        exec(source, names)
        function: Callable[..., Any] = names["loop"]
        if compiler is None:
            return function
        written = {k for k, _ in program.stores}
        array = compiler.types.Array
        kind = getattr(compiler.types, program.dtype)
        signature = [
            array(kind, 1, "C", readonly=k not in written)
            for k in range(program.arrays)
        ]
        signature += [compiler.types.float64] * program.numbers
        # A sum in another order, so that it takes several elements at a time.
        fast = {"reassoc", "nsz"} if program.total_of is not None else False
        compiled: Callable[..., Any] = compiler.njit(
            tuple(signature), nogil=True, error_model="numpy", fastmath=fast
        )(function)
        return compiled


# -------------------------------------------------------------------------- threads


def threads() -> int:
    """How many cores a loop uses: those of this process, or fewer if OpenMP's may."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores(), int(asked)) if asked.isdigit() and int(asked) > 0 else cores()


@lru_cache(maxsize=1)
def _helpers() -> ThreadPoolExecutor:
    """The threads beside the main one, which start with the first large loop."""
    return ThreadPoolExecutor(max(1, threads() - 1), "d2lopt-loop")


# A forked child has the pool without its threads, and would wait for them for ever: so
# it makes one of its own.
os.register_at_fork(after_in_child=_helpers.cache_clear)

Job = tuple[Program, Sequence[Array], Sequence[float]]


def _chunks(jobs: Sequence[Job]) -> Iterator[Callable[[], Any]]:
    for program, arrays, numbers in jobs:
        loop = _loop(program)
        for start in range(0, arrays[0].size, _CHUNK):
            parts = [a[start : start + _CHUNK] for a in arrays]
            yield partial(loop, *parts, *numbers)


def run(jobs: Sequence[Job]) -> list[Any]:
    """Run each program over its flat arrays; what its chunks return, in their order."""
    chunks = list(enumerate(_chunks(jobs)))
    results: list[Any] = [None] * len(chunks)
    waiting = iter(chunks)

    def work() -> None:
        with np.errstate(all="ignore"):  # a division by zero gives inf, everywhere
            for k, chunk in waiting:
                results[k] = chunk()

    helpers = 0
    if sum(arrays[0].size for _, arrays, _ in jobs) >= _SMALL:
        helpers = min(threads(), len(chunks)) - 1
    others = [_helpers().submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        for other in others:
            other.result()
    return results


def total(program: Program, arrays: Sequence[Array], numbers: Sequence[float]) -> float:
    """The sum that the program gives, in float64 and the same for any thread count."""
    return float(sum(run([(program, arrays, numbers)])))
