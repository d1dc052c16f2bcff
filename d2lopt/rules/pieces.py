"""Optimizers by composition: small pieces, each with its equation.

A piece takes the updates u of all parameters, which start as the gradients g, and
gives new ones; a `Chain` of pieces is a rule, called as those of `optimizers.py` are,
and ends each step with p ← p − u. Whatever a framework's own RMSProp can do is a
chain of these:

>>> rule = Chain(CoupledL2(), ByRms(eps_inside=False), Momentum(), ByLr())

Hyperparameters are read by name at every step: `lr` η, `gamma` γ, `eps` ε, `momentum`
μ, `weight_decay` and `l1_decay` λ, `clip` c, `rho` ρ, `beta1` β₁, `beta2` β₂.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .rule import Hyperparams, Params, Rule

if TYPE_CHECKING:
    from ..backend.contract import Backend, Tensor, Variable

State = tuple[Any, ...]  # what one piece keeps for one parameter


@dataclass(frozen=True)
class Piece:
    """One link of a chain: subclasses give `one` or `update`, and `init` with a state.

    `needs` names the hyperparameters that it reads.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def init(self, d2l: Backend, p: Variable) -> State:
        """The state for the parameter p."""
        return ()

    def update(
        self,
        d2l: Backend,
        params: Params,
        updates: Sequence[Tensor],
        states: Sequence[State],
        hyperparams: Hyperparams,
    ) -> list[Tensor]:
        """The new updates of all parameters: here, each by itself."""
        each = zip(params, updates, states, strict=True)
        return [self.one(d2l, p, u, state, hyperparams) for p, u, state in each]

    def one(
        self, d2l: Backend, p: Variable, u: Tensor, state: State, h: Hyperparams
    ) -> Tensor:
        """The new update of the parameter p."""
        raise NotImplementedError(type(self).__name__)


@dataclass(frozen=True, init=False)
class Chain:
    """A rule made of pieces, applied from left to right."""

    pieces: tuple[Piece, ...]

    def __init__(self, *pieces: Piece) -> None:
        object.__setattr__(self, "pieces", pieces)

    def init_states(self, d2l: Backend, params: Params) -> list[tuple[State, ...]]:
        """For each parameter, the state of each piece."""
        return [tuple(piece.init(d2l, p) for piece in self.pieces) for p in params]

    def __call__(
        self,
        d2l: Backend,
        params: Params,
        grads: Sequence[Tensor],
        states: Sequence[tuple[State, ...]],
        hyperparams: Hyperparams,
    ) -> None:
        """One step, called as the rules of `optimizers.py` are."""
        updates = list(grads)
        for k, piece in enumerate(self.pieces):
            of_piece = [of_parameter[k] for of_parameter in states]
            updates = piece.update(d2l, params, updates, of_piece, hyperparams)
        for p, u in zip(params, updates, strict=True):
            d2l.assign(p, p - u)

    @property
    def rule(self) -> Rule:
        """The chain with how it starts, as the table of rules has it."""
        needs = dict.fromkeys(name for piece in self.pieces for name in piece.needs)
        return Rule(self, self.init_states, dict.fromkeys(needs, 0.0))


# -------------------------------------------------------------------- the learning rate


@dataclass(frozen=True)
class ByLr(Piece):
    """u ← η u. Before `Momentum` the rate is inside its buffer, behind it outside."""

    needs = ("lr",)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        return h["lr"] * u


@dataclass(frozen=True)
class Times(Piece):
    """u ← c u, for a loss that is c times ours."""

    factor: float

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        return self.factor * u


# ----------------------------------------------------------------------------- clipping


def _at_most(d2l: Backend, x: Tensor, bound: Any) -> Tensor:
    """min(x, bound), for a bound that is a number."""
    return d2l.minimum(x, d2l.zeros_like(x) + bound)


def _at_least(d2l: Backend, x: Tensor, bound: Any) -> Tensor:
    return d2l.maximum(x, d2l.zeros_like(x) + bound)


@dataclass(frozen=True)
class ClipByValue(Piece):
    """u ← min(max(u, −c), c), each coordinate by itself."""

    needs = ("clip",)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        return _at_least(d2l, _at_most(d2l, u, h["clip"]), -1.0 * h["clip"])


@dataclass(frozen=True)
class ClipByNorm(Piece):
    """u ← u · min(1, c / ‖u‖₂), each tensor by itself."""

    needs = ("clip",)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        n = d2l.sqrt(d2l.sum(d2l.square(u)))
        return u * (h["clip"] / _at_least(d2l, n, h["clip"]))


@dataclass(frozen=True)
class ClipByGlobalNorm(Piece):
    """u ← u · min(1, c / (n + slack)), n = √(Σ ‖u‖₂²) over all tensors together.

    Pascanu, Mikolov and Bengio, On the difficulty of training RNNs, 2013, algorithm 1.
    """

    slack: float = 0.0
    needs = ("clip",)

    def update(
        self,
        d2l: Backend,
        params: Params,
        updates: Sequence[Tensor],
        states: Sequence[State],
        hyperparams: Hyperparams,
    ) -> list[Tensor]:
        total = d2l.sum(d2l.square(updates[0]))
        for u in updates[1:]:
            total = total + d2l.sum(d2l.square(u))
        n, c = d2l.sqrt(total) + self.slack, hyperparams["clip"]
        return [u * (c / _at_least(d2l, n, c)) for u in updates]


@dataclass(frozen=True)
class ClipWeights(Piece):
    """u ← p − min(max(p − u, −w), w): the parameter itself stays within ±w."""

    needs = ("clip_weights",)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        w = h["clip_weights"]
        return p - _at_least(d2l, _at_most(d2l, p - u, w), -1.0 * w)


# ------------------------------------------------------------------------- weight decay


@dataclass(frozen=True)
class CoupledL2(Piece):
    """u ← u + λ p: the gradient of the loss with ½λ‖p‖₂² added."""

    needs = ("weight_decay",)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        return u + h["weight_decay"] * p


@dataclass(frozen=True)
class CoupledL1(Piece):
    """u ← u + λ sign(p): the gradient of the loss with λ‖p‖₁ added."""

    needs = ("l1_decay",)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        return u + h["l1_decay"] * d2l.sign(p)


@dataclass(frozen=True)
class Decoupled(Piece):
    """u ← u + η λ p, behind everything else: the decay does not enter the averages.

    Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.
    """

    needs = ("lr", "weight_decay")

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        return u + h["lr"] * h["weight_decay"] * p


# ----------------------------------------------------------------------------- momentum


@dataclass(frozen=True)
class Momentum(Piece):
    """b ← μ b + u; u ← b, or with Nesterov u ← u + μ b.

    Polyak 1964; Nesterov in the form of Sutskever et al., 2013.
    """

    nesterov: bool = False
    needs = ("momentum",)

    def init(self, d2l: Backend, p: Variable) -> State:
        return (d2l.variable(d2l.zeros_like(p)),)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        (b,) = state
        d2l.assign(b, h["momentum"] * b + u)
        return u + h["momentum"] * b if self.nesterov else b + 0.0


# ------------------------------------------------------------------------- the scalings


def _over_root(
    d2l: Backend, u: Tensor, s: Tensor, eps: Any, eps_inside: bool
) -> Tensor:
    """u / √(s + ε), or u / (√s + ε)."""
    return u / d2l.sqrt(s + eps) if eps_inside else u / (d2l.sqrt(s) + eps)


@dataclass(frozen=True)
class ByRms(Piece):
    """s ← γ s + (1 − γ) u²; u ← u / √(s + ε), or u / (√s + ε).

    Centered, s is replaced by the variance s − m², m ← γ m + (1 − γ) u (Graves,
    Generating Sequences with Recurrent Neural Networks, 2013, eq. 38–41). It is clamped
    at 0: in float32 it rounds below, and the root would give NaN. Corrected, the
    averages are divided by 1 − γᵗ, as Adam's are.
    """

    eps_inside: bool = True
    centered: bool = False
    start: float = 0.0  # of s
    corrected: bool = False
    needs = ("gamma", "eps")

    def init(self, d2l: Backend, p: Variable) -> State:
        zero = d2l.zeros_like(p)
        s, m = d2l.variable(zero + self.start), d2l.variable(zero)
        c = (d2l.variable(d2l.sum(zero)),) if self.corrected else ()
        return (s, m, *c) if self.centered else (s, *c)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        gamma, s = h["gamma"], state[0]
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(u))
        ones = 1.0
        if self.corrected:
            c = ones = state[-1]
            d2l.assign(c, gamma * c + (1 - gamma))
        spread = s / ones
        if self.centered:
            m = state[1]
            d2l.assign(m, gamma * m + (1 - gamma) * u)
            spread = _at_least(d2l, spread - d2l.square(m / ones), 0.0)
        return _over_root(d2l, u, spread, h["eps"], self.eps_inside)


@dataclass(frozen=True)
class ByRootOfSum(Piece):
    """s ← s + u²; u ← u / √(s + ε), or u / (√s + ε): Adagrad (Duchi et al., 2011)."""

    eps_inside: bool = True
    start: float = 0.0
    needs = ("eps",)

    def init(self, d2l: Backend, p: Variable) -> State:
        return (d2l.variable(d2l.zeros_like(p) + self.start),)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        (s,) = state
        d2l.assign(s, s + d2l.square(u))
        return _over_root(d2l, u, s, h["eps"], self.eps_inside)


@dataclass(frozen=True)
class ByTwoRms(Piece):
    """s ← ρ s + (1 − ρ) u²; d = √(x + ε)/√(s + ε) · u; x ← ρ x + (1 − ρ) d²; u ← d.

    Adadelta: Zeiler, 2012, algorithm 1.
    """

    needs = ("rho", "eps")

    def init(self, d2l: Backend, p: Variable) -> State:
        return tuple(d2l.variable(d2l.zeros_like(p)) for _ in range(2))

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        (s, x), rho, eps = state, h["rho"], h["eps"]
        d2l.assign(s, rho * s + (1 - rho) * d2l.square(u))
        d = d2l.sqrt(x + eps) / d2l.sqrt(s + eps) * u
        d2l.assign(x, rho * x + (1 - rho) * d2l.square(d))
        return d


@dataclass(frozen=True)
class ByMoments(Piece):
    """m ← β₁ m + (1 − β₁) u; v ← β₂ v + (1 − β₂) u²; u ← m̂ / (√v̂ + ε): Adam.

    m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ) (Kingma and Ba, 2015, algorithm 1). The
    corrections are kept as averages of ones, c ← β c + (1 − β), which is 1 − βᵗ
    without the cancellation. With `raw`, ε meets √v instead: u ← √c₂/c₁ · m / (√v + ε),
    the form at the end of the paper's section 2. A framework that rounds β only there
    is followed with `beta1_correction` and `beta2_correction`.
    """

    raw: bool = False
    needs = ("beta1", "beta2", "eps")

    def init(self, d2l: Backend, p: Variable) -> State:
        zero = d2l.zeros_like(p)
        return (*(d2l.variable(x) for x in (zero, zero, d2l.sum(zero), d2l.sum(zero))),)

    def one(self, d2l: Backend, p: Any, u: Any, state: State, h: Hyperparams) -> Any:
        (m, v, c1, c2), beta1, beta2 = state, h["beta1"], h["beta2"]
        d2l.assign(m, beta1 * m + (1 - beta1) * u)
        d2l.assign(v, beta2 * v + (1 - beta2) * d2l.square(u))
        for c, beta in ((c1, "beta1"), (c2, "beta2")):
            ones = h.get(f"{beta}_correction", h[beta])
            d2l.assign(c, ones * c + (1 - ones))
        if self.raw:
            return d2l.sqrt(c2) / c1 * m / (d2l.sqrt(v) + h["eps"])
        return m / c1 / (d2l.sqrt(v / c2) + h["eps"])


# ------------------------------------------------------------------------ all of them

# Each kind of piece, by its name. Kinds that a learner adds are not among them: they
# come later.
PIECES = {kind.__name__: kind for kind in Piece.__subclasses__()}
