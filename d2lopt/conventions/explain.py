"""Why two built-in optimizers give different losses: the formulas, and what each part
of the difference does on the data.

From one framework to another, one factor is changed at a time, on NumPy in float64, for
several seeds; what it does to the final loss stands beside what the seed alone does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from ..rules.hyperparams import check_ranges
from ..show.screen import Table
from .scenario import Scenario, finite_or_none
from .table import CALLS, find_row
from .traits import NEUTRAL, Builtin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYMBOLS = {"gamma": "γ", "eps": "ε", "lr": "η", "momentum": "μ", "weight_decay": "λ"}


# ------------------------------------------------------------------------- side by side


def row_of(name: str, kind: str) -> Builtin:
    """A framework's row for a kind of optimizer; InputError if it has none."""
    row = find_row(name, kind)
    if row is None:
        have = [n for n in FRAMEWORKS if find_row(n, kind)]
        raise InputError(
            f"{FRAMEWORKS[name].title} has no {kind} of its own. These have: "
            f"{', '.join(have) or 'none'}."
        )
    return row


def formula(row: Builtin) -> str:
    """What one step of RMSProp computes, in the framework's own words."""
    t, w = row.traits, row.keywords
    gamma, eps, lr = w["gamma"], w["eps"], w["lr"]
    root = f"√(s + {eps})" if t.eps_inside else f"(√s + {eps})"
    buffer = w.get("momentum")
    lines = [f"s ← {gamma}·s + (1 − {gamma})·ĝ²", f"p ← p − {lr}·ĝ / {root}"]
    if "centered" in w:
        lines.append(f"centered: s − m² for s, m ← {gamma}·m + (1 − {gamma})·ĝ")
    if buffer:
        u = f"{lr}·ĝ / {root}" if t.lr_in_buffer else f"ĝ / {root}"
        p = "p ← p − b" if t.lr_in_buffer else f"p ← p − {lr}·b"
        when = f"if {row.only_with['momentum']}" if row.only_with else f"{buffer} > 0"
        lines.append(f"{when}: b ← {buffer}·b + {u};  {p}")
    decay = w.get("weight_decay") or row.before.get("weight_decay")
    if decay:
        how = f"p ← p − {lr}·{decay}·p" if t.decoupled else f"ĝ = g + {decay}·p"
        lines.append(f"{decay}: {how}")
    return "\n".join(lines)


def formulas(kind: str) -> list[dict[str, Any]]:
    """For each framework: its call, names and defaults, formula, what to know."""
    if kind != "rmsprop":
        raise InputError(f"formulas are written out for rmsprop, not for {kind!r}.")
    found = []
    for name in FRAMEWORKS:
        row = find_row(name, kind)
        if row is None:
            continue
        defaults = {
            theirs: row.defaults.get(ours, NEUTRAL.get(ours, "required"))
            for ours, theirs in row.keywords.items()
        }
        found.append(
            {
                "backend": name,
                "call": CALLS[name].format(name=row.name, arguments="…"),
                "defaults": defaults,
                "formula": formula(row).splitlines(),
                "note": row.note,
            }
        )
    return found


def formula_table(kind: str) -> Table:
    """`formulas` for a terminal."""
    made = Table(
        f"{kind}: what each framework computes (ĝ: the gradient, clipped and decayed)",
        ["framework", "names = defaults", "one step"],
        left=3,
        lines=True,
    )
    for found in formulas(kind):
        title = FRAMEWORKS[found["backend"]].title
        pairs = [f"{k} = {v}" for k, v in found["defaults"].items()]
        call, steps = f"{title}\n{found['call']}", "\n".join(found["formula"])
        made.row(call, "\n".join(pairs), steps)
        if found["note"]:
            made.note(f"{title}: {found['note']}")
    return made


# --------------------------------------------------------------------- one at a time


@dataclass(frozen=True)
class Effect:
    """What one factor does to the final loss: medians over the seeds.

    None stands for what is no number, because a run diverged.
    """

    factor: str
    before: str
    after: str
    differs: bool  # between the two; else it is shown for comparison
    change: float | None  # of the final loss
    on_the_way: float | None  # the largest |change| at any recorded step
    of_the_spread: float | None  # |change| over the spread that the seed makes
    losses: list[float | None] = field(default_factory=list)  # final, one for each seed


@dataclass(frozen=True)
class Explanation:
    """Every factor between two built-ins, and the spread of the seeds beside it."""

    kind: str
    source: str
    target: str
    settings: dict[str, Any]
    data: str
    seeds: int
    loss: float | None  # median, with the settings of the first framework
    spread: float | None  # standard deviation of the final loss over the seeds
    effects: list[Effect]

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain values."""
        return asdict(self)


EXAMPLE_DECAY = 0.01  # where the settings have no weight decay, so that its kind shows


@dataclass(frozen=True)
class Factor:
    """One thing to change: what it is, its two sides, the runs without and with it."""

    name: str
    before: str
    after: str
    differs: bool
    without: Scenario
    changed: Scenario


def factors(
    kind: str,
    a: Builtin,
    b: Builtin,
    settings: Mapping[str, Any],
    given: Mapping[str, Any],
) -> list[Factor]:
    """Every factor: those in which the two differ first, then all of these together,
    then those that published programs differ in."""
    base = Scenario(kind, a.traits, settings)
    found: list[Factor] = []

    def add(
        name: str,
        sides: tuple[str, str],
        differs: bool,
        changed: Scenario,
        without: Scenario = base,
    ) -> None:
        found.append(Factor(name, *sides, differs, without, changed))

    for ours, value in settings.items():
        other = b.defaults.get(ours, value)
        named = ours in a.keywords and ours in b.keywords
        if named and ours not in given and other != value:
            label = f"{SYMBOLS.get(ours, ours)}'s value"
            changed = replace(base, settings=a.effective({**settings, ours: other}))
            sides = f"{a.keywords[ours]}={value:g}", f"{b.keywords[ours]}={other:g}"
            add(label, sides, True, changed)
    t, u = a.traits, b.traits
    places = {True: "√(s + ε)", False: "√s + ε"}
    moved = replace(base, settings={**settings, "eps_inside": not t.eps_inside})
    sides = places[t.eps_inside], places[not t.eps_inside]
    add("ε's place", sides, t.eps_inside != u.eps_inside, moved)
    defaults = {k: v for k, v in b.defaults.items() if k in settings and k not in given}
    theirs = b.effective({**settings, **defaults, **given})
    used, other = settings.get("momentum"), theirs.get("momentum")
    if "momentum" in given and bool(used) != bool(other):
        sides = ("used", "ignored") if used else ("ignored", "used")
        changed = replace(base, settings={**settings, "momentum": other})
        add("momentum", sides, True, changed)
    if used:
        words = {True: "inside the buffer", False: "outside"}
        changed = replace(base, traits=replace(t, lr_in_buffer=not t.lr_in_buffer))
        sides = words[t.lr_in_buffer], words[not t.lr_in_buffer]
        add("η and momentum", sides, t.lr_in_buffer != u.lr_in_buffer, changed)
    decay = settings.get("weight_decay") or EXAMPLE_DECAY
    decayed = replace(base, settings={**settings, "weight_decay": decay})
    words = {True: f"decoupled λ={decay:g}", False: f"coupled λ={decay:g}"}
    changed = replace(decayed, traits=replace(t, decoupled=not t.decoupled))
    in_use = bool(settings.get("weight_decay"))
    sides = words[t.decoupled], words[not t.decoupled]
    add("decay", sides, in_use and t.decoupled != u.decoupled, changed, decayed)
    begin, end = settings.get("start", 0.0), b.defaults.get("start", 0.0)
    other = end if end != begin else 1.0 if begin == 0 else 0.0
    changed = replace(base, settings={**settings, "start": other})
    add("start value of s", (f"{begin:g}", f"{other:g}"), end != begin, changed)
    changed = replace(base, traits=u, settings=theirs)
    add("all in which the two differ", ("", ""), True, changed)
    add("loss factor", ("½·MSE", "MSE"), False, replace(base, loss_factor=2.0))
    add("epochs", ("2", "4"), False, replace(base, epochs=4))
    uniform = replace(base, random_bias=True)
    add("initial bias", ("0", "uniform ±1/√5"), False, uniform)
    return sorted(found, key=lambda f: (not f.differs, f.differs and not f.before))


def explain(
    kind: str,
    source: str,
    target: str,
    given: Mapping[str, Any],
    data: str,
    seeds: int = 10,
    batch_size: int = 10,
) -> Explanation:
    """What lies between the built-ins of two frameworks, measured on the data.

    `given` are settings in our words, the same on both sides; what it leaves out is
    each framework's default (0.01 where the first has none for the learning rate).
    """
    a, b = row_of(source, kind), row_of(target, kind)
    check_ranges(given)
    wanted = {"lr": 0.01, **a.defaults, **given}
    known = {*NEUTRAL, *a.keywords}
    settings = a.effective({k: v for k, v in wanted.items() if k in known})
    cache: dict[str, list[list[float]]] = {}

    def runs(scenario: Scenario) -> list[list[float]]:
        key = repr(scenario)
        if key not in cache:
            every = range(seeds)
            cache[key] = [scenario.run(seed, data, batch_size) for seed in every]
        return cache[key]

    finals = [losses[-1] for losses in runs(Scenario(kind, a.traits, settings))]
    spread = (
        finite_or_none(np.std(finals, ddof=1)) if np.isfinite(finals).all() else None
    )
    effects = []
    for f in factors(kind, a, b, settings, given):
        pairs = list(zip(runs(f.without), runs(f.changed), strict=True))
        changes = [_difference(y[-1], x[-1]) for x, y in pairs]
        way = [
            max(abs(_difference(q, p)) for p, q in zip(x, y, strict=False))
            for x, y in pairs
        ]
        change = finite_or_none(np.median(changes))
        share = abs(change) / spread if change is not None and spread else None
        losses = [finite_or_none(y[-1]) for _, y in pairs]
        way_there = finite_or_none(np.median(way))
        sides = (f.name, f.before, f.after, f.differs)
        effects.append(Effect(*sides, change, way_there, share, losses))
    median = finite_or_none(np.median(finals))
    name = "stand-in" if data == "stand-in" else "airfoil"
    ends = (kind, source, target, dict(settings), name, seeds)
    return Explanation(*ends, median, spread, effects)


def _difference(y: float, x: float) -> float:
    """y − x, and inf if either run diverged."""
    return y - x if np.isfinite([x, y]).all() else float("inf")


def _shown(x: float | None, form: str) -> str:
    return "diverged" if x is None else format(x, form)


def effect_table(found: Explanation) -> Table:
    """An explanation for a terminal."""
    a, b = FRAMEWORKS[found.source].title, FRAMEWORKS[found.target].title
    settings = ", ".join(f"{k} {v:g}" for k, v in found.settings.items())
    made = Table(
        f"{found.kind} from {a} to {b}, one factor at a time ({settings})",
        [
            "factor",
            "before",
            "after",
            "final loss",
            "on the way",
            "of the seeds' spread",
        ],
        left=3,
    )
    for differs in (True, False):
        made.section()
        for e in found.effects:
            if e.differs != differs:
                continue
            if not e.before:
                made.section()
            made.row(
                e.factor,
                e.before,
                e.after,
                _shown(e.change, "+.1e"),
                _shown(e.on_the_way, ".1e"),
                "–" if e.of_the_spread is None else f"{e.of_the_spread:.2g} ×",
            )
    made.note(
        f"Final loss of {a}'s: {_shown(found.loss, '.6f')}, median of {found.seeds} "
        f"seeds; the seed alone spreads it by ±{_shown(found.spread, '.1e')} (one "
        "standard deviation)."
    )
    made.note(
        "Below the second line, for comparison: in these the two do not differ, but "
        f"published programs do. Decay is shown at λ = {EXAMPLE_DECAY} if none is used."
    )
    return made


def figure(found: Explanation) -> Figure:
    """The size of each factor's effect, beside the spread that the seed makes."""
    from ..show.figures import pyplot

    made: Figure
    size = (7.5, 0.9 + 0.36 * len(found.effects))
    made, axes = pyplot().subplots(figsize=size, layout="constrained")
    least = 1e-9
    labels = [
        f"{e.factor}: {e.before} → {e.after}" if e.before else e.factor
        for e in found.effects
    ]
    sizes = [max(abs(e.change or 0.0) - least, 0.0) for e in found.effects]
    colors = ["C0" if e.differs else "0.7" for e in found.effects]
    bars = axes.barh(labels, sizes, left=least, color=colors, height=0.6)
    numbers = [_shown(e.change, "+.1e") for e in found.effects]
    axes.bar_label(bars, numbers, padding=3, fontsize="x-small")
    axes.invert_yaxis()
    if found.spread is not None:
        axes.axvline(found.spread, color="C3", label="spread that the seed makes")
    axes.bar(0, 0, color="0.7", label="the same in both, for comparison")
    a, b = FRAMEWORKS[found.source].title, FRAMEWORKS[found.target].title
    axes.set(
        xscale="log",
        xlim=(least, 10 * max([least, *sizes])),
        xlabel="|change of the final loss|, median over the seeds",
    )
    made.suptitle(f"{found.kind} from {a} to {b}, one factor at a time")
    axes.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2)
    axes.grid(alpha=0.4, axis="x")
    if found.data == "stand-in":
        made.text(0.005, 0.005, "data: generated stand-in", fontsize="x-small")
    return made


def unchecked(names: Sequence[str]) -> list[str]:
    """The frameworks among `names` whose optimizers are of an unknown version."""
    from ..backend.environment import optimizers_version
    from .conformance import was_checked

    return [n for n in names if (v := optimizers_version(n)) and not was_checked(n, v)]
