"""What a report says of each backend, in sentences: the same, another formula, failed.

A built-in's losses are held against those from scratch on the same backend. What its
formula does is known from NumPy in float64 (`conventions/reasons.py`). What is left of
the difference must be rounding, and the sentence says if it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...backend.frameworks import FRAMEWORKS
from ...conventions.conformance import BOUNDS
from ...conventions.curves import SeedCurves, farthest
from ...conventions.reasons import Findings, Reason
from ...runs.compare import Rows, spread
from ...train.record import Record

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Verdict:
    """Why a built-in's losses are what they are: briefly, and in sentences."""

    kind: str  # "same", "formula", "open", "none", "diverged" or "failed"
    brief: str
    sentences: list[str]


def sci(x: float, sign: bool = False) -> str:
    """x with two digits, as people write it by hand: 4.2·10⁻⁵.

    >>> sci(4.18e-05), sci(0.0), sci(-0.25, sign=True), sci(0.004)
    ('4.2·10⁻⁵', '0', '−0.25', '0.004')
    """
    if x == 0:
        return "0"
    digits, _, power = f"{x:+.1e}".partition("e")
    if 1e-3 <= abs(x) < 1e4:
        shown = f"{x:+.2g}" if abs(x) < 10 else f"{x:+.0f}"
    else:
        shown = f"{digits}·10{str(int(power)).translate(SUPERSCRIPTS)}"
    return (shown if sign else shown.lstrip("+")).replace("-", "−", 1)


def shown(loss: float) -> str:
    """A loss with six decimals, unless it is huge."""
    return f"{loss:.6f}" if loss < 1e4 else sci(loss)


def names(backends: Sequence[str]) -> str:
    """Titles in a sentence: A, B and C."""
    titles = [FRAMEWORKS[name].title for name in backends]
    head = ", ".join(titles[:-1])
    return f"{head} and {titles[-1]}" if head else "".join(titles)


def verdict(
    row: Mapping[str, Record], reason: Reason | None, rule: SeedCurves | None
) -> Verdict:
    """The verdict on one backend, from its records and what was found out."""
    scratch, built_in = row.get("scratch"), row.get("built-in")
    failed = [r for r in row.values() if _did_not_run(r)]
    if built_in is None or built_in in failed:
        messages = list(dict.fromkeys(r.message for r in failed))
        if any(r.status == "missing" for r in failed):
            return Verdict("failed", "not installed", messages)
        said = [f"The run failed: {message.rstrip('.')}." for message in messages]
        return Verdict("failed", "failed", said)
    if built_in.status == "missing":
        title = FRAMEWORKS[built_in.backend].title
        message = f"{title} has no {built_in.optimizer} of its own."
        return Verdict("none", "no built-in", [message])
    if built_in.status == "diverged":
        too = scratch is not None and scratch.status == "diverged"
        brief = "diverged, as from scratch" if too else "diverged"
        sentence = f"The run diverged: {built_in.message}."
        parts = [part.sentence for part in (reason.parts if reason else [])]
        return Verdict("diverged", brief, [sentence, *parts])
    if scratch is not None and scratch.status == "ok":
        return _compared(built_in, scratch.losses, reason, rule)
    against = rule.curves[0] if rule else built_in.losses
    found = _compared(built_in, against, reason, rule)
    why = scratch.message.rstrip(".") if scratch else "it was not asked for"
    sentence = (
        f"It has no losses from scratch here ({why}): it is compared with the rule on "
        "NumPy."
    )
    return replace(found, sentences=[sentence, *found.sentences])


def _did_not_run(record: Record) -> bool:
    """Whether the framework is not installed, or its process ended early."""
    return record.status == "failed" or (
        record.status == "missing" and record.version is None
    )


def _compared(
    built_in: Record,
    scratch: Sequence[float],
    reason: Reason | None,
    rule: SeedCurves | None,
) -> Verdict:
    """The verdict where both ran: how far apart, and what of that the formula does."""
    losses = built_in.losses
    dtype = reason.arithmetic if reason else built_in.dtype
    most = reason.bound if reason else BOUNDS[dtype]
    way = farthest(losses, scratch)
    if way is None:
        sentence = "Its losses cannot be compared: the other run diverged."
        return Verdict("open", "the other run diverged", [sentence])
    end = losses[-1] / scratch[-1] - 1
    parts = reason.parts if reason else []
    left, alone = way, None
    if parts and reason and rule:
        alone = farthest(reason.formula.curves[0], rule.curves[0])
        every = zip(
            losses, scratch, reason.formula.curves[0], rule.curves[0], strict=False
        )
        left = max(abs(a / b - c / d) for a, b, c, d in every)
    ok = left <= most
    brief = " and ".join(part.brief for part in parts) or "same to rounding"
    kind = ("formula" if parts else "same") if ok else "open"
    said = [part.sentence for part in parts]
    if alone is not None and reason and rule:
        ours, theirs = rule.finals[0], reason.formula.finals[0]
        said.append(
            f"By itself, this parts the losses by at most {sci(alone)} relative on the "
            f"way, and by {sci(theirs / ours - 1, True)} at the end (on NumPy in "
            "float64). "
            f"Measured: {sci(way)} on the way, {sci(end, True)} at the end."
        )
        what = f"What is left, at most {sci(left)},"
    elif not parts and way == 0:
        return Verdict(kind, "equal", ["The same formula: every loss is equal."])
    else:
        formula = "The same formula as from scratch" if ok else "The table of "
        formula += "" if ok else "conventions has the same formula as from scratch"
        said.append(f"{formula}; the losses part by at most {sci(way)} relative.")
        what = "That"
    if ok:
        always = "" if dtype == built_in.dtype else ", in which it always computes"
        said.append(f"{what} is rounding in {dtype}{always}.")
    else:
        brief = "not explained" if not parts else f"{brief}, and more"
        said.append(
            f"{what} is more than rounding in {dtype} makes in a short run "
            f"({sci(most)}), and nothing in the table of conventions explains it. "
            "d2lopt conformance measures the optimizer against the table."
        )
    return Verdict(kind, brief, said)


# -------------------------------------------------------------------------- the summary


def summary(
    rows: Rows, verdicts: Mapping[str, Verdict], found: Findings | None
) -> list[str]:
    """What a reader should know first, in a few sentences."""
    said = [_from_scratch(rows, found), *_built_in(verdicts)]
    failed = [n for n, v in verdicts.items() if v.kind == "failed"]
    if failed:
        said.append(
            f"Failed or not there: {names(failed)}. What happened stands below."
        )
    if found and found.rule.spread and found.rule.median:
        share = found.rule.spread / found.rule.median
        said.append(
            "For scale: another seed moves the final loss by "
            f"±{sci(found.rule.spread)} (one standard deviation over "
            f"{len(found.seeds)} seeds), which is {sci(share)} relative."
        )
    return [sentence for sentence in said if sentence]


def _from_scratch(rows: Rows, found: Findings | None) -> str:
    records = [row["scratch"] for row in rows.values() if "scratch" in row]
    ran = [r for r in records if r.status == "ok"]
    diverged = [r.backend for r in records if r.status == "diverged"]
    if not ran:
        return f"From scratch, {names(diverged)} diverged." if diverged else ""
    end = shown(ran[0].losses[-1])
    apart = spread(ran, "scratch")
    if apart is None:
        return f"From scratch, {names([ran[0].backend])} ends at {end}."
    rule = found.rule.curves[0] if found else ran[0].losses
    ways = {r.backend: farthest(r.losses, rule) for r in ran}
    most = BOUNDS[ran[0].dtype]
    away = [name for name, way in ways.items() if way is None or way > most]
    said = (
        f"From scratch, the same rule ends at {end} on {len(ran)} backends, "
        f"{sci(apart)} relative apart"
    )
    if not away:
        return f"{said}: rounding in {ran[0].dtype}."
    return f"{said}. More than rounding parts {names(away)} from NumPy in float64."


def _built_in(verdicts: Mapping[str, Verdict]) -> list[str]:
    """One sentence for each kind of verdict, with the backends that it is on."""
    kinds: dict[str, list[str]] = {}
    for name, found in verdicts.items():
        kinds.setdefault(found.kind, []).append(name)
    said = []
    if same := kinds.get("same"):
        said.append(
            f"Built in, {names(same)} {'gives' if len(same) == 1 else 'give'} the same "
            "as from scratch, to rounding."
        )
    for name in kinds.get("formula", []):
        title = FRAMEWORKS[name].title
        said.append(f"{title}’s own formula is another: {verdicts[name].brief}.")
    for name in kinds.get("open", []):
        title = FRAMEWORKS[name].title
        said.append(f"{title}’s own losses differ, and not all of it is explained.")
    if diverged := kinds.get("diverged"):
        said.append(f"Built in, {names(diverged)} diverged.")
    return said
