"""A step as two programs: the loss, bound with its gradient, and what is then assigned.

MXNet runs one operator at a time, at some ten microseconds each. Here the step is read
once with symbols in the place of arrays; then each turn of the loop is one call for
loss and gradients, and one for all assignments. An output must not be an input as well
(the operators of a program run in any order), so the variables have two places each,
and every turn goes from one to the other.
"""

import operator
import os
from typing import Any

os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")  # its chatter when it binds

import mxnet
from mxnet import np

from ..backend.tools import Programs, compile_clock, kind, recording
from .tracing import Number, Trace, Traced, Untraceable, is_on, var


def _flat(state: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts."""
    if isinstance(state, dict):
        state = list(state.values())
    if isinstance(state, list | tuple):
        return [leaf for part in state for leaf in _flat(part)]
    return [state]


def _rebuilt(state: Any, leaves: Any) -> Any:
    """The same nest with the next leaves in it."""
    if isinstance(state, dict):
        return {name: _rebuilt(part, leaves) for name, part in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_rebuilt(part, leaves) for part in state)
    return next(leaves)


class Program:
    """One step, for a state and batches of these shapes."""

    def __init__(self, step: Any, state: Any, batches: Any) -> None:
        leaves = _flat(state)
        variables = {
            f"state{k}": x for k, x in enumerate(leaves) if isinstance(x, np.ndarray)
        }
        trace = Trace.now = Trace()
        index = var("index")
        try:
            traced = [
                Traced(var(f"state{k}"))
                if isinstance(x, np.ndarray)
                else Number(operator.itemgetter(k))
                for k, x in enumerate(leaves)
            ]
            batch = tuple(
                Traced(mxnet.sym.np.take(var(f"batch{k}"), index, axis=0))
                for k in range(len(batches))
            )
            with recording.going_on():
                output = step(_rebuilt(state, iter(traced)), batch)
            if output is not None:
                raise Untraceable("a step that gives something back")
        finally:
            Trace.now = None
        self.numbers = trace.numbers
        self._lay_out(trace, index, variables, traced, batches)

    def _lay_out(
        self, trace: Trace, index: Any, variables: Any, traced: Any, batches: Any
    ) -> None:
        """Make the two places of each variable, and the programs between them."""
        changed = {
            f"state{k}": x.value
            for k, x in enumerate(traced)
            if isinstance(x, Traced) and x.value.name != f"state{k}"
        }
        changed["index"] = index + 1
        fixed = {f"batch{k}": x.copy() for k, x in enumerate(batches)}
        dtype = batches[0].dtype
        fixed |= {name: np.zeros((), dtype=dtype) for name in self.numbers}
        start = variables | {"index": np.zeros((), dtype="int32")}
        fixed |= {name: x.copy() for name, x in start.items() if name not in changed}
        grads = {g: np.zeros_like(variables[n]) for n, g in trace.grads.items()}
        self.fixed = fixed
        self.places = [{n: start[n].copy() for n in changed} for _ in range(2)]
        outputs = mxnet.sym.Group(list(changed.values()))
        assigned = mxnet.ndarray.CachedOp(outputs)
        self.turns = []
        for here, there in (self.places, self.places[::-1]):
            arrays = fixed | here | grads
            loss = self._bound(trace, arrays)
            if loss is not None:
                arrays["loss"] = loss.outputs[0].as_np_ndarray()
            inputs = [arrays[name] for name in outputs.list_inputs()]
            self.turns.append((loss, assigned, inputs, list(there.values())))

    def _bound(self, trace: Trace, arrays: dict[str, Any]) -> Any:
        """The loss with its gradient, reading and writing those arrays."""
        if trace.loss is None:
            return None
        loss = mxnet.sym.make_loss(trace.loss.as_nd_ndarray())
        names = loss.list_inputs()
        return loss.bind(
            mxnet.cpu(),
            args={name: arrays[name].as_nd_ndarray() for name in names},
            args_grad={n: arrays[g].as_nd_ndarray() for n, g in trace.grads.items()},
            grad_req={n: "write" if n in trace.grads else "null" for n in names},
        )

    def run(self, state: Any, batches: Any) -> None:
        """Take the steps, from the state and back into it."""
        leaves = _flat(state)
        variables = {f"state{k}": x for k, x in enumerate(leaves)}
        for name, number in self.numbers.items():
            self.fixed[name][()] = number.value_from(leaves)
        for k, batch in enumerate(batches):
            batch.copyto(self.fixed[f"batch{k}"])
        for name, array in (self.fixed | self.places[0]).items():
            if name in variables:
                variables[name].copyto(array)
        self.places[0]["index"][()] = 0
        steps = len(batches[0])
        for i in range(steps):
            loss, assigned, inputs, outputs = self.turns[i % 2]
            if loss is not None:
                loss.forward(is_train=True)
                loss.backward()
            assigned(*inputs, out=outputs)
        for name, array in self.places[steps % 2].items():
            if name in variables:
                array.copyto(variables[name])


_programs = Programs()


def program_of(step: Any, state: Any, batches: Any) -> Program | None:
    """The program of a step; None for one that has to run as it is written."""
    if is_on():
        raise Untraceable("a fold within a step")
    leaves = _flat(state)
    variables = [id(x) for x in leaves if isinstance(x, np.ndarray)]
    if len({*variables}) < len(variables):  # one stands twice: it would become two
        return None

    def read() -> Program | None:
        try:
            with compile_clock.running():
                return Program(step, state, batches)
        except Exception:  # whatever is wrong shows when it runs as it is written
            return None

    key = step, tuple(map(kind, leaves)), tuple(map(kind, batches))
    program: Program | None = _programs.get(key, read)
    return program
