"""The contract that every framework module keeps: types only.

A framework module (`d2lopt.numpy` and its siblings) is itself the namespace that
lessons call `d2l`: it writes the functions below, and `book.bind` adds the portable
ones (the rules, the harnesses, the plots) with the module as their first argument. mypy
holds each module to `Backend`, and a test calls every name of it on every framework.

What the contract promises beyond the signatures:

- A tensor takes part in `+ - * / **` with Python floats and keeps its own dtype.
- After `assign(x, value)` every holder of the variable x sees value.
- `value_and_grad` is the one way to gradients.
- `fold` is the one loop over steps: a Python loop, or one compiled loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

Tensor = Any  # what the framework computes with
Variable = Any  # a tensor that `assign` changes in place
State = Any  # nested lists, tuples and dicts of variables, tensors and numbers
Step = Callable[[State, tuple[Tensor, ...]], Tensor | None]  # (state, batch)
Watch = Callable[[Tensor], None]  # gets what a step returns


class Backend(Protocol):
    """The namespace of one framework. A dtype is "float32" or "float64"."""

    name: str
    version: str

    def __hash__(self) -> int: ...

    def use_device(self, device: str) -> None:
        """Compute on "cpu" or "cuda" from now on; InputError if that cannot be."""

    # Tensors in and out.
    def tensor(self, value: Any, dtype: str = "float32") -> Tensor:
        """A tensor with the numbers of `value` (array, list, number)."""

    def numpy(self, x: Tensor) -> np.ndarray[Any, Any]:
        """The numbers of x as a NumPy array; waits for pending work."""

    # Constructors.
    def zeros(self, shape: Any, /, *, dtype: str = "float32") -> Tensor:
        """A tensor of zeros in the shape `shape`, a number or a tuple."""

    def ones(self, shape: Any, /, *, dtype: str = "float32") -> Tensor:
        """A tensor of ones in the shape `shape`, a number or a tuple."""

    def arange(self, *span: float, dtype: str = "float32") -> Tensor:
        """As range(stop), range(start, stop) or range(start, stop, step), as floats."""

    def zeros_like(self, x: Tensor) -> Tensor:
        """Zeros in the shape and dtype of x."""

    # Elementwise.
    def sqrt(self, x: Tensor) -> Tensor:
        """√x, element by element."""

    def square(self, x: Tensor) -> Tensor:
        """x², element by element."""

    def exp(self, x: Tensor) -> Tensor:
        """eˣ, element by element."""

    def log(self, x: Tensor) -> Tensor:
        """The natural logarithm of x, element by element."""

    def abs(self, x: Tensor) -> Tensor:
        """|x|, element by element."""

    def sign(self, x: Tensor) -> Tensor:
        """−1, 0 or 1, as x is below, at or above 0, element by element."""

    def sin(self, x: Tensor) -> Tensor:
        """The sine of x in radians, element by element."""

    def cos(self, x: Tensor) -> Tensor:
        """The cosine of x in radians, element by element."""

    def maximum(self, x: Tensor, y: Tensor) -> Tensor:
        """The greater of x and y, element by element."""

    def minimum(self, x: Tensor, y: Tensor) -> Tensor:
        """The lesser of x and y, element by element."""

    # Over all elements.
    def sum(self, x: Tensor) -> Tensor:
        """The sum over all elements, of shape ()."""

    def mean(self, x: Tensor) -> Tensor:
        """The mean over all elements, of shape ()."""

    # Shapes.
    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """The matrix product of x (n, d) and y (d, k): (n, k)."""

    def reshape(self, x: Tensor, shape: Any) -> Tensor:
        """The elements of x, row by row, in the shape `shape`; −1 is what is left."""

    # State.
    def variable(self, value: Tensor) -> Variable:
        """A variable that starts at `value` and shares no memory with it."""

    def assign(self, x: Variable, value: Tensor) -> None:
        """x ← value, in place. Both have the same shape."""

    def hold_grad(self, x: Variable, grad: Tensor) -> Variable:
        """x with `x.grad` set to `grad`: what rules in the book's form read."""

    def compiled(self, rule: Any) -> Callable[[Any, Any, Any, Any], None]:
        """`rule` as (params, grads, states, hyperparams), for large parameters.

        It changes params and states in place, to the numbers that the rule gives, in
        as few passes over the memory as the framework allows, and with at most one more
        array of their size. `rule` is one of this library, a `pieces.Chain`, or a
        function of yours, which is then tensor code only, and whose globals may be read
        at the first step alone. What compiles it is Numba, through `fuse`, or the
        framework's own compiler; a new hyperparameter compiles nothing. Where arrays
        overlap or are not contiguous, or the rule is more than elementwise functions
        and sums, `fuse` runs the rule as it is written.
        """

    def wait(self, *tensors: Tensor) -> None:
        """Return when all work is done that the tensors' values come from."""

    # Gradients and loops.
    def value_and_grad(
        self, loss: Callable[..., Tensor]
    ) -> Callable[..., tuple[Tensor, list[Tensor]]]:
        """The function (params, *batch) → (loss, [∂loss/∂p for p in params])."""

    def fold(
        self,
        step: Step,
        state: State,
        batches: Sequence[Tensor],
        watch: Watch | None = None,
        compile: bool | None = None,
    ) -> None:
        """Apply `step(state, batch)` over the first axis of `batches`.

        The step changes the variables in `state`. If it returns a tensor, `watch` gets
        each one in turn, and may raise to stop the loop.

        Unless `compile` is False, the loop may be compiled: the step is then tensor
        code only, and reads what changes from `state`, never from a closure. None
        leaves it to the framework, which compiles where that makes the whole wait
        shorter, compiling included; True asks for the fastest loop, however long that
        takes to compile. A framework whose compiled loop would be no faster calls the
        step from Python all the same.
        """

    # What the framework itself offers.
    def linear(self, w: Variable, b: Variable) -> Callable[[Tensor], Tensor]:
        """The framework's own linear layer X ↦ Xw + b; starts at w (d, 1), b (1,)."""

    def weights(self, net: Any) -> list[Tensor]:
        """What that layer's w (d, 1) and b (1,) are now."""

    def builtin(self, name: str) -> Any:
        """The framework's own optimizer of a name in the table of conventions.

        InputError, with the near miss, if it has none of that name.
        """

    def native_step(
        self,
        trainer_fn: Any,
        hyperparams: dict[str, Any],
        net: Any,
        loss: Callable[..., Tensor],
    ) -> tuple[Step, State]:
        """(step, state) for `fold`: one step of the framework's own optimizer.

        A batch is (X, *rest); the step minimises loss(net(X), *rest). If the state is a
        list or tuple, it holds every variable that a step changes; any other means that
        the framework keeps them itself. `trainer_fn` is what `builtin` gives, or what
        `optimizer` gives, which a step does not change.
        """

    def optimizer(
        self,
        rule: Any,
        init_states: Callable[..., Any] | None = None,
        **hyperparams: Any,
    ) -> Any:
        """What this framework calls an optimizer, made of a portable rule.

        It works wherever one of the framework's own does: with its layers, its ways to
        save and load, and its schedules, one of which may be given as `lr`. `rule` is
        one of this library, a `pieces.Chain`, or a function of yours, (params, grads,
        states, hyperparams), which is called once a step. Its states come from
        `init_states(d2l, params)`, one for each parameter, or are zero tensors. What
        is known of the rule's hyperparameters is checked: an InputError names the one
        that is missing or out of its range.
        """
