"""Whether each framework's own optimizers compute what the table of conventions says.

Each built-in takes 50 steps on the same gradients as the chain of pieces that its row
describes, which runs on NumPy in float64. The gradients are random, of sizes 0.01 to
10, one coordinate sparse; a linear layer produces them, whose gradients of Σ c (Xw + b)
are c Xᵀ and c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import load
from ..backend.contract import Backend, Tensor
from ..backend.environment import installed_version, optimizers_version
from ..backend.processes import Event, all_at_once
from ..rules.pieces import Chain
from .table import CHECKED, ROWS, kind_of, never_checked, unchecked
from .traits import NEUTRAL, Builtin, Settings, hyperparams

if TYPE_CHECKING:
    from ..show.screen import Progress

STEPS, COORDINATES = 50, 8
BOUNDS = {"float64": 1e-12, "float32": 2e-6}  # relative, of rounding in 50 steps

# Settings from which a case starts.
BASE: dict[str, dict[str, Any]] = {
    "rmsprop": {"lr": 0.01, "gamma": 0.9, "eps": 1e-3},
    "sgd": {"lr": 0.01},
    "momentum": {"lr": 0.01, "momentum": 0.9},
    "adagrad": {"lr": 0.1, "eps": 1e-3},
    "adadelta": {"lr": 0.5, "rho": 0.9, "eps": 1e-3},
    "adam": {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-3},
    "adamw": {
        "lr": 0.01,
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": 1e-3,
        "weight_decay": 0.1,
    },
}

# What is added to them, one case for each that a built-in can express.
OPTIONS: list[dict[str, Any]] = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"centered": True},
    {"centered": True, "momentum": 0.9},
    {"weight_decay": 0.1},
    {"l1_decay": 0.1},
    {"weight_decay": 0.1, "momentum": 0.9, "centered": True},
    {"clip_value": 0.5},
    {"clip_norm": 0.5},
    {"clip_global_norm": 0.5},
    {"clip_value": 0.5, "weight_decay": 0.1},
    {"clip_global_norm": 0.5, "weight_decay": 0.1},
    {"clip_weights": 0.5},
    {"corrected": True},
    {"corrected": True, "centered": True},
    {"start": 0.25},
    {"eps_inside": False},
]


@dataclass(frozen=True)
class Finding:
    """One case: how far the built-in is from the rule, relative to the parameters."""

    backend: str
    version: str
    optimizers_version: str  # of the package that the optimizers come in
    checked: str  # the version of that, with which the row was measured before
    optimizer: str
    name: str
    options: dict[str, Any]
    float64: float | None
    float32: float | None
    conforms: bool
    message: str = ""


def cases(row: Builtin) -> Iterator[dict[str, Any]]:
    """The options, beside `BASE`, with which a built-in is measured."""
    base = {**NEUTRAL, **row.fixed, **BASE[row.kind]}
    done: list[dict[str, Any]] = []
    for options in OPTIONS:
        settings = {**base, **options}
        movable = "eps_inside" in row.keywords or "eps_inside" not in options
        if settings not in done and row.can_express(settings) and movable:
            done.append(settings)
            yield {n: v for n, v in options.items() if base[n] != v}


def gradients(dtype: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """X (50, 1, 8) and c (50, 1, 1), rounded to the dtype, as float64."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(STEPS, 1, COORDINATES)) * np.geomspace(0.01, 10, COORDINATES)
    X[:, :, 3] *= rng.random((STEPS, 1)) < 0.2  # the sparse one
    c = rng.normal(size=(STEPS, 1, 1))
    return X.astype(dtype).astype(float), c.astype(dtype).astype(float)


def start(dtype: str) -> list[np.ndarray[Any, Any]]:
    """w (8, 1) and b (1,) to start from."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(COORDINATES, 1)), rng.normal(size=1)
    return [value.astype(dtype).astype(float) for value in drawn]


def by_rule(row: Builtin, settings: Settings, dtype: str) -> list[Any]:
    """Where the rule of the row is after each step: w and b as one vector."""
    return path(row.chain(settings), row.rounded(hyperparams(settings)), dtype)


def path(rule: Chain, numbers: Settings, dtype: str) -> list[Any]:
    """Where a chain with these hyperparameters is after each step, on NumPy."""
    d2l = load("numpy")
    params = start(dtype)
    states = rule.init_states(d2l, params)
    places = []
    for X, c in zip(*gradients(dtype), strict=True):
        rule(d2l, params, [c * X.T, c[0]], states, numbers)
        places.append(np.concatenate([p.ravel() for p in params]))
    return places


def by_framework(
    d2l: Backend, row: Builtin, settings: Settings, dtype: str
) -> list[Any]:
    """Where the built-in is after each step."""
    net = d2l.linear(*(d2l.variable(d2l.tensor(v, dtype)) for v in start(dtype)))

    def loss(y_hat: Tensor, c: Tensor) -> Tensor:
        return d2l.sum(y_hat * c)

    step, state = d2l.native_step(*row.resolve(d2l, settings), net, loss)
    places = []
    for X, c in zip(*gradients(dtype), strict=True):
        step(state, (d2l.tensor(X, dtype), d2l.tensor(c, dtype)))
        params = [d2l.numpy(p).astype(float).ravel() for p in d2l.weights(net)]
        places.append(np.concatenate(params))
    return places


def deviation(d2l: Backend, row: Builtin, settings: Settings, dtype: str) -> float:
    """The largest |p − p̂| over the steps, relative to the largest |p̂| of its step."""
    pairs = zip(
        by_framework(d2l, row, settings, dtype),
        by_rule(row, settings, dtype),
        strict=True,
    )
    worst = [np.abs(p - exact).max() / np.abs(exact).max() for p, exact in pairs]
    return float(np.max(worst)) if np.isfinite(worst).all() else float("inf")


def bound(row: Builtin, dtype: str) -> float:
    """How far a built-in may be from its rule."""
    return BOUNDS[dtype if row.float64 else "float32"]


def _gist(error: Exception) -> str:
    """The first line of a framework's error that is no part of a traceback or frame."""
    lines = [line.strip() for line in str(error).splitlines()]
    message = [x for x in lines if x and not x.startswith(("Traceback", "File", "-"))]
    return message[0] if message else type(error).__name__


def measure(
    emit: Callable[[Event], None], name: str, kinds: Sequence[str] | None = None
) -> None:
    """In a child: measure a framework's rows, all or of some kinds of optimizer."""
    d2l = load(name)
    rows = [r for r in ROWS[name] if kinds is None or r.kind in kinds]
    planned = [(row, options) for row in rows for options in cases(row)]
    for done, (row, options) in enumerate(planned, start=1):
        finding = examine(d2l, name, row, options)
        emit({"finding": asdict(finding), "progress": [done, len(planned)]})


def examine(d2l: Backend, name: str, row: Builtin, options: Settings) -> Finding:
    """One case, in both dtypes."""
    settings = {**BASE[row.kind], **options}
    deviations: dict[str, float | None] = dict.fromkeys(BOUNDS)
    message = ""
    for dtype in BOUNDS:
        try:
            deviations[dtype] = deviation(d2l, row, settings, dtype)
        except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
            message = f"{dtype} fails: {_gist(error)}"
    known = {dtype: d for dtype, d in deviations.items() if d is not None}
    return Finding(
        backend=name,
        version=d2l.version,
        optimizers_version=optimizers_version(name) or "",
        checked=CHECKED[name],
        optimizer=row.kind,
        name=row.name,
        options=dict(options),
        float64=deviations["float64"],
        float32=deviations["float32"],
        conforms=bool(known) and all(d <= bound(row, t) for t, d in known.items()),
        message=message,
    )


def survey(
    names: Sequence[str],
    kinds: Sequence[str] | None,
    limit: float,
    progress: Progress,
) -> list[Finding]:
    """Measure each framework in a process of its own; the findings, in their order.

    A framework whose process ends early has a finding that says why, and does not
    conform.
    """
    findings: dict[str, list[Finding]] = {name: [] for name in names}

    async def one(name: str, start: Callable[..., Any]) -> None:
        progress.begin(name)

        def hear(event: Event) -> None:
            findings[name].append(Finding(**event["finding"]))
            progress.tell(name, "measuring", *event["progress"])

        arguments = {"name": name, "kinds": kinds}
        reason = await start(f"{__name__}:measure", arguments, hear, limit)
        if reason:
            findings[name].append(
                Finding(
                    backend=name,
                    version=installed_version(name) or "",
                    optimizers_version=optimizers_version(name) or "",
                    checked=CHECKED[name],
                    optimizer="",
                    name="",
                    options={},
                    float64=None,
                    float32=None,
                    conforms=False,
                    message=reason,
                )
            )

    all_at_once(names, one)
    return [finding for name in names for finding in findings[name]]


def measure_unchecked(names: Sequence[str], optimizer: str) -> list[str]:
    """A sentence for each framework whose version the table was never checked with.

    Its rows of the optimizer are measured now, so that what is said of it is no guess.
    """
    from ..show.screen import Progress

    new = unchecked(names)
    if not new:
        return []
    with Progress(quiet=True) as progress:
        findings = survey(new, [kind_of(optimizer)[0]], 600.0, progress)
    return [
        f"{never_checked(name, optimizers_version(name) or '')}; measured now, its "
        f"{optimizer} {_verdict([f for f in findings if f.backend == name])}."
        for name in new
    ]


def _verdict(findings: Sequence[Finding]) -> str:
    """What was found of a framework's rows; a finding without a name says why not."""
    failed = [finding.message for finding in findings if not finding.name]
    if failed:
        return f"could not be measured ({failed[0]})"
    conform = all(finding.conforms for finding in findings)
    return f"{'conforms' if conform else 'does NOT conform'} to its row"
