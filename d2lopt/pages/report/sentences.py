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
from ...conventions.reasons import Findings, Part, Reason
from ...runs.compare import Rows, spread
from ...train.record import Record
from .digits import sci, six_decimals


@dataclass(frozen=True)
class Verdict:
    """Why a built-in's losses are what they are: briefly, and in sentences."""

    kind: str  # "same", "formula", "open", "none", "diverged" or "failed"
    brief: str
    sentences: list[str]


def names(backends: Sequence[str]) -> str:
    """Titles in a sentence: A, B and C."""
    titles = [FRAMEWORKS[name].title for name in backends]
    head = ", ".join(titles[:-1])
    return f"{head} and {titles[-1]}" if head else "".join(titles)


def verdict(
    row: Mapping[str, Record], reason: Reason | None, rule: SeedCurves | None
) -> Verdict:
    """The verdict on one backend, from its records and what explains them."""
    scratch, built_in = row.get("scratch"), row.get("built-in")
    failed = [r for r in row.values() if _did_not_run(r)]
    if built_in is None or built_in in failed:
        messages = list(dict.fromkeys(r.message for r in failed))
        if any(r.status == "missing" for r in failed):
            return Verdict("failed", "not installed", messages)
        sentences = [f"The run failed: {message.rstrip('.')}." for message in messages]
        return Verdict("failed", "failed", sentences)
    if built_in.status == "missing":
        title = FRAMEWORKS[built_in.backend].title
        message = f"{title} has no {built_in.optimizer} of its own."
        return Verdict("none", "no built-in", [message])
    if built_in.status == "diverged":
        both = scratch is not None and scratch.status == "diverged"
        brief = "diverged, as from scratch" if both else "diverged"
        sentence = f"The run diverged: {built_in.message}."
        parts = [part.sentence for part in (reason.parts if reason else [])]
        return Verdict("diverged", brief, [sentence, *parts])
    if scratch is not None and scratch.status == "ok":
        return _compared(built_in, scratch.losses, reason, rule)
    in_its_place = rule.curves[0] if rule else built_in.losses
    compared = _compared(built_in, in_its_place, reason, rule)
    why = scratch.message.rstrip(".") if scratch else "it was not asked for"
    sentence = (
        f"It has no losses from scratch here ({why}): it is compared with the rule on "
        "NumPy."
    )
    return replace(compared, sentences=[sentence, *compared.sentences])


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
    bound = reason.bound if reason else BOUNDS[dtype]
    distance = farthest(losses, scratch)
    if distance is None:
        sentence = "Its losses cannot be compared: the other run diverged."
        return Verdict("open", "the other run diverged", [sentence])
    at_end = losses[-1] / scratch[-1] - 1
    parts = reason.parts if reason else []
    left, calculated = distance, None  # what no formula explains; what one does
    if parts and reason and rule:
        formula_losses, rule_losses = reason.formula.curves[0], rule.curves[0]
        calculated = farthest(formula_losses, rule_losses)
        if calculated is None:
            return _not_calculated(parts, distance, at_end)
        steps = zip(losses, scratch, formula_losses, rule_losses, strict=False)
        left = max(abs(a / b - c / d) for a, b, c, d in steps)
    ok = left <= bound
    brief = " and ".join(part.brief for part in parts) or "same to rounding"
    kind = ("formula" if parts else "same") if ok else "open"
    sentences = [part.sentence for part in parts]
    if calculated is not None and reason and rule:
        calculated_at_end = reason.formula.finals[0] / rule.finals[0] - 1
        sentences.append(
            f"By itself, this parts the losses by at most {sci(calculated)} relative "
            f"on the way, and by {sci(calculated_at_end, True)} at the end (on NumPy "
            "in float64). "
            f"Measured: {sci(distance)} on the way, {sci(at_end, True)} at the end."
        )
        subject = f"What is left, at most {sci(left)},"
    elif not parts and distance == 0:
        return Verdict(kind, "equal", ["The same formula: every loss is equal."])
    else:
        formula = (
            "The same formula as from scratch"
            if ok
            else "The table of conventions has the same formula as from scratch"
        )
        sentences.append(
            f"{formula}; the losses part by at most {sci(distance)} relative."
        )
        subject = "That"
    if ok:
        always = "" if dtype == built_in.dtype else ", in which it always computes"
        sentences.append(f"{subject} is rounding in {dtype}{always}.")
    else:
        brief = "not explained" if not parts else f"{brief}, and more"
        sentences.append(
            f"{subject} is more than rounding in {dtype} makes in a short run "
            f"({sci(bound)}), and nothing in the table of conventions explains it. "
            "d2lopt conformance measures the optimizer against the table."
        )
    return Verdict(kind, brief, sentences)


def _not_calculated(parts: Sequence[Part], distance: float, at_end: float) -> Verdict:
    """The verdict where the calculation diverged, and the framework's run did not."""
    brief = " and ".join(part.brief for part in parts)
    sentence = (
        "What this does by itself cannot be said: on NumPy in float64, the run with "
        "this formula or the one with the rule diverged. "
        f"Measured: {sci(distance)} on the way, {sci(at_end, True)} at the end."
    )
    sentences = [*(part.sentence for part in parts), sentence]
    return Verdict("open", f"{brief}, not calculated", sentences)


# -------------------------------------------------------------------------- the summary


def summary(
    rows: Rows, verdicts: Mapping[str, Verdict], findings: Findings | None
) -> list[str]:
    """What a reader should know first, in a few sentences."""
    sentences = [_from_scratch(rows, findings), *_built_in(verdicts)]
    failed = [n for n, v in verdicts.items() if v.kind == "failed"]
    if failed:
        sentences.append(
            f"Failed or not there: {names(failed)}. What happened stands below."
        )
    spread_of_seeds = findings.rule.spread if findings else None
    if findings and spread_of_seeds and findings.rule.median:
        share = spread_of_seeds / findings.rule.median
        sentences.append(
            "For scale: another seed moves the final loss by "
            f"±{sci(spread_of_seeds)} (one standard deviation over "
            f"{len(findings.seeds)} seeds), which is {sci(share)} relative."
        )
    return [sentence for sentence in sentences if sentence]


def _from_scratch(rows: Rows, findings: Findings | None) -> str:
    records = [row["scratch"] for row in rows.values() if "scratch" in row]
    ran = [r for r in records if r.status == "ok"]
    diverged = [r.backend for r in records if r.status == "diverged"]
    if not ran:
        return f"From scratch, {names(diverged)} diverged." if diverged else ""
    end = six_decimals(ran[0].losses[-1])
    apart = spread(ran, "scratch")
    if apart is None:
        return f"From scratch, {names([ran[0].backend])} ends at {end}."
    rule = findings.rule.curves[0] if findings else ran[0].losses
    distances = {r.backend: farthest(r.losses, rule) for r in ran}
    bound = BOUNDS[ran[0].dtype]
    away = [name for name, d in distances.items() if d is None or d > bound]
    sentence = (
        f"From scratch, the same rule ends at {end} on {len(ran)} backends, "
        f"{sci(apart)} relative apart"
    )
    if not away:
        return f"{sentence}: rounding in {ran[0].dtype}."
    return f"{sentence}. More than rounding parts {names(away)} from NumPy in float64."


def _built_in(verdicts: Mapping[str, Verdict]) -> list[str]:
    """One sentence for each kind of verdict, with the backends that it is on."""
    kinds: dict[str, list[str]] = {}
    for name, verdict in verdicts.items():
        kinds.setdefault(verdict.kind, []).append(name)
    sentences = []
    if same := kinds.get("same"):
        sentences.append(
            f"Built in, {names(same)} {'gives' if len(same) == 1 else 'give'} the same "
            "as from scratch, to rounding."
        )
    for name in kinds.get("formula", []):
        title = FRAMEWORKS[name].title
        sentences.append(f"{title}’s own formula is another: {verdicts[name].brief}.")
    for name in kinds.get("open", []):
        title = FRAMEWORKS[name].title
        sentences.append(
            f"{title}’s own losses differ, and not all of it is explained."
        )
    if diverged := kinds.get("diverged"):
        sentences.append(f"Built in, {names(diverged)} diverged.")
    return sentences
