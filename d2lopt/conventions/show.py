"""What was found about built-in optimizers, as tables and as a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..backend.frameworks import FRAMEWORKS
from ..show.figures import mark_stand_in, pyplot
from ..show.table import Table
from .factors import EXAMPLE_DECAY, LR_AND_MOMENTUM, TOGETHER
from .formulas import formulas
from .table import ROWS, never_checked, was_checked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .conformance import Finding
    from .explain import Explanation


def formula_table(kind: str) -> Table:
    """What each framework computes; InputError unless that is written out."""
    table = Table(
        f"{kind}: what each framework computes (ĝ: the gradient, clipped and decayed)",
        ["framework", "names = defaults", "one step"],
        left=3,
        lines=True,
    )
    for about in formulas(kind):
        title = FRAMEWORKS[about["backend"]].title
        defaults = [f"{name} = {value}" for name, value in about["defaults"].items()]
        call = f"{title}\n{about['call']}"
        table.row(call, "\n".join(defaults), "\n".join(about["formula"]))
        if about["note"]:
            table.note(f"{title}: {about['note']}")
    return table


# ------------------------------------------------------------------------- explanations


def effect_table(explanation: Explanation) -> Table:
    """The effect of each factor, and of the seed below."""
    a, b = FRAMEWORKS[explanation.source].title, FRAMEWORKS[explanation.target].title
    settings = ", ".join(_setting(k, v) for k, v in explanation.settings.items())
    table = Table(
        f"{explanation.kind} from {a} to {b}, one factor at a time ({settings})",
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
        table.section()
        for effect in explanation.effects:
            if effect.differs != differs:
                continue
            if not effect.before:
                table.section()
            share = effect.of_the_spread
            table.row(
                effect.factor,
                effect.before,
                effect.after,
                _or_diverged(effect.change, "+.1e"),
                _or_diverged(effect.on_the_way, ".1e"),
                "–" if share is None else f"{share:.2g} ×",
            )
    loss, spread = explanation.loss, explanation.spread
    final = _or_diverged(loss, ".6f" if loss is None or loss < 1e4 else ".1e")
    alone = "no finite spread, as runs diverge"
    if spread is not None:
        alone = f"the seed alone spreads it by ±{spread:.1e} (one standard deviation)"
    table.note(
        f"Final loss of {a}'s: {final}, median of {explanation.seeds} seeds; {alone}."
    )
    for sentence in _to_know(explanation):
        table.note(sentence)
    return table


def _setting(name: str, value: Any) -> str:
    """A setting in a title: "lr 0.01", or "nesterov" alone."""
    return f"{name} {value:g}" if value is not True else name


def _to_know(explanation: Explanation) -> Iterator[str]:
    """What a reader has to know of the factors in the table, a sentence each."""
    differ = {e.factor for e in explanation.effects if e.differs}
    compared = {e.factor for e in explanation.effects if not e.differs}
    if differ == {TOGETHER}:
        yield "With these settings, the two compute the same."
    yield (
        "Below the second line, for comparison: what has no part in the difference "
        "between these two, but in that between others."
    )
    if "decay" in compared and not explanation.settings.get("weight_decay"):
        yield f"Decay is shown at λ = {EXAMPLE_DECAY}, as none is used."
    if LR_AND_MOMENTUM in compared:
        yield "Inside the momentum buffer or outside, a constant η does the same."


def effect_figure(explanation: Explanation) -> Figure:
    """The size of each factor's effect, beside the spread that the seed makes."""
    effects = explanation.effects
    figure: Figure
    size = (7.5, 0.9 + 0.36 * len(effects))
    figure, axes = pyplot().subplots(figsize=size, layout="constrained")
    least, most = 1e-9, 1e100  # an axis cannot show the largest numbers there are
    labels = [
        f"{e.factor}: {e.before} → {e.after}" if e.before else e.factor for e in effects
    ]
    changes = [min(abs(effect.change or 0.0), most) for effect in effects]
    sizes = [max(change - least, 0.0) for change in changes]
    colors = ["C0" if e.differs else "0.7" for e in effects]
    bars = axes.barh(labels, sizes, left=least, color=colors, height=0.6)
    numbers = [_or_diverged(e.change, "+.1e") for e in effects]
    axes.bar_label(bars, numbers, padding=3, fontsize="x-small")
    axes.invert_yaxis()
    if explanation.spread is not None:
        spread = min(explanation.spread, most)
        axes.axvline(spread, color="C3", label="spread that the seed makes")
    axes.bar(0, 0, color="0.7", label="for comparison")
    a, b = FRAMEWORKS[explanation.source].title, FRAMEWORKS[explanation.target].title
    axes.set(
        xscale="log",
        xlim=(least, 10 * max([least, *sizes])),
        xlabel="|change of the final loss|, median over the seeds",
    )
    figure.suptitle(f"{explanation.kind} from {a} to {b}, one factor at a time")
    axes.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2)
    axes.grid(alpha=0.4, axis="x")
    mark_stand_in(figure, explanation.data)
    return figure


def _or_diverged(x: float | None, form: str) -> str:
    return "diverged" if x is None else format(x, form)


# -------------------------------------------------------------------------- conformance


def conformance_table(findings: Sequence[Finding]) -> Table:
    """The deviations, with what to know of each row below."""
    table = Table(
        "50 steps of each built-in optimizer against the rule of its convention: "
        "largest relative deviation",
        ["framework", "optimizer", "options", "float64", "float32", "conforms"],
        left=3,
    )
    notes: list[str] = []
    for f in findings:
        title = f"{FRAMEWORKS[f.backend].title} {f.version}"
        options = ", ".join(f"{k} {v}" for k, v in f.options.items())
        optimizer = f"{f.optimizer} {f.name}".strip()
        numbers = ["–" if d is None else f"{d:.0e}" for d in (f.float64, f.float32)]
        verdict = "yes" if f.conforms else "NO"
        table.row(title, optimizer, options or "–", *numbers, verdict)
        if not was_checked(f.backend, f.optimizers_version):
            known = never_checked(f.backend, f.optimizers_version)
            notes.append(f"{known}: these numbers are measured, not known.")
        for row in ROWS[f.backend]:
            if row.name == f.name and row.kind == f.optimizer and row.note:
                notes.append(f"{title} {f.name}: {row.note}")
        if f.message:
            notes.append(f"{title} {f.name}: {f.message}")
    for note in dict.fromkeys(notes):  # each once
        table.note(note)
    return table
