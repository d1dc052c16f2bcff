"""From one framework's call of an optimizer to another's, and what is lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError, unknown
from ..rules.hyperparams import check_ranges
from .scenario import BuiltinFormula, Runs
from .table import find_row, row_of, written
from .traits import CLIPS, NEUTRAL, Builtin, in_use


@dataclass(frozen=True)
class Translation:
    """The call to write instead, and how far it is from the first."""

    kind: str
    source: str
    target: str
    before: str  # the first framework's call, with every default that matters
    call: str
    exact: bool
    lost: list[str]  # what has no equivalent, a sentence each
    conditions: list[str]  # what exactness rests on
    source_settings: dict[str, Any]
    target_settings: dict[str, Any]
    final_difference: float | None = None  # of the ½·MSE, relative
    largest_difference: float | None = None  # at any recorded step, relative


def parse(framework: str, row: Builtin, words: Sequence[str]) -> dict[str, Any]:
    """Settings in our words from `name=value` in the framework's.

    A value is a number, True or False, a tuple of numbers, or a call of one of the
    framework's objects, such as `grad_clip=ClipGradByValue(0.5)`. Raises an InputError
    for a word without "=", an unknown name (with the nearest), or another value.
    """
    ours_of = {t: o for o, t in row.keywords.items() if o not in row.objects}
    calls = {path.split(".")[-1]: ours for ours, path in row.objects.items()}
    settings: dict[str, Any] = {}
    for name, text in _pairs(words):
        call = re.fullmatch(r"(?:\w+\.)*(\w+)\((.*)\)", text.strip())
        ours = calls.get(call[1]) if call else ours_of.get(name)
        if call and ours and row.keywords[ours] == name:
            settings[ours] = _value(name, call[2], ours)
        elif not call and ours:
            settings[ours] = _value(name, text, ours)
        elif name in row.keywords.values():
            forms = [f"{c}(…)" for c, o in calls.items() if row.keywords[o] == name]
            forms += ["a number"] if name in ours_of else []
            raise InputError(f"{name} must be {' or '.join(forms)}; got {text!r}.")
        else:
            title = f"option of {FRAMEWORKS[framework].title}'s {row.name}"
            raise unknown(title, name, dict.fromkeys(row.keywords.values()))
    clips = [row.keywords[c] for c in CLIPS if c in settings]
    if len(clips) > 1:
        raise InputError(f"only one of {', '.join(clips)} may be used at a time.")
    check_ranges(settings, {ours: row.keywords[ours] for ours in settings})
    return settings


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, value) of each word; a tuple's places are `name.0`, `name.1`, …"""
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"{word!r} is not of the form name=value.")
        parts = text.strip().removeprefix("(").removesuffix(")").split(",")
        if text.strip().startswith("(") and len(parts) > 1:
            yield from ((f"{name}.{i}", part) for i, part in enumerate(parts))
        else:
            yield name, text


def _value(name: str, text: str, ours: str) -> Any:
    """The number or truth value that an option takes; an InputError for another."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        value = None
    is_flag = isinstance(NEUTRAL.get(ours), bool)
    if is_flag and isinstance(value, bool):
        return value
    if is_flag or isinstance(value, bool) or not isinstance(value, int | float):
        wanted = "True or False" if is_flag else "a number"
        raise InputError(f"{name} must be {wanted}; got {text!r}.")
    return float(value)


def translate(kind: str, source: str, target: str, words: Sequence[str]) -> Translation:
    """The target framework's call for the source framework's `words`."""
    a, b = row_of(source, kind), row_of(target, kind)
    given = parse(source, a, words)
    settings = a.full(given)
    needed = [
        n for n in ("lr", "gamma", "eps") if n in a.keywords and n not in settings
    ]
    if needed:
        names = ", ".join(a.keywords[n] for n in needed)
        title = FRAMEWORKS[source].title
        raise InputError(f"{title}'s {a.name} needs {names}, which has no default.")
    settings = a.effective(settings)
    # Only what is in use has to be said again.
    wanted = {n: v for n, v in settings.items() if n not in NEUTRAL}
    wanted |= {n: settings[n] for n in in_use(settings)}
    b = find_row(target, kind, wanted) or b
    lost, conditions = compared(source, target, a, b, wanted, settings)
    kept = {n: v for n, v in wanted.items() if n not in NEUTRAL or n in b.options}
    if "eps_inside" in b.keywords:
        kept["eps_inside"] = settings["eps_inside"]
    if not b.can_express(kept) and "momentum" in kept:
        del kept["momentum"]
    return Translation(
        kind,
        source,
        target,
        written(source, a, {**wanted, "eps_inside": settings["eps_inside"]}),
        written(target, b, kept),
        not lost,
        lost,
        conditions,
        {**wanted, "eps_inside": settings["eps_inside"]},
        kept,
    )


def compared(
    source: str,
    target: str,
    a: Builtin,
    b: Builtin,
    wanted: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[list[str], list[str]]:
    """(what the target cannot say, what exactness rests on), a sentence each."""
    here, there = FRAMEWORKS[source].title, FRAMEWORKS[target].title
    lost, conditions = [], []
    place = {True: "inside the root", False: "outside the root"}
    inside = settings["eps_inside"]
    fixed = "eps_inside" not in b.keywords
    in_a_root = a.kind in ("rmsprop", "adagrad")
    if in_a_root and settings["eps"] and fixed and inside != b.traits.eps_inside:
        lost.append(
            f"ε is {place[inside]} in {here} and {place[not inside]} in {there}: no "
            "value of it gives the same steps, unless it is 0."
        )
    if settings.get("eps", 0) and a.traits.raw != b.traits.raw:
        where = {True: "√v", False: "√v̂, the corrected one,"}
        lost.append(
            f"ε is added to {where[a.traits.raw]} in {here} and to "
            f"{where[b.traits.raw]} in {there}."
        )
    if a.traits.uses_lr != b.traits.uses_lr and settings.get("lr", 1.0) != 1.0:
        lost.append(f"the learning rate is ignored in {there}'s {b.name}.")
    for name in sorted(in_use(wanted) - b.options - {"start"}):
        lost.append(
            f"{a.keywords.get(name, name)} has no equivalent in {there}'s {b.name}."
        )
    if "momentum" in in_use(wanted) and not b.can_express(
        {k: v for k, v in wanted.items() if k in ("momentum", "centered")}
    ):
        lost.append(f"{there}'s {b.name} ignores its momentum unless centered.")
    if wanted.get("weight_decay") and "weight_decay" in b.options:
        # Without an average or a buffer to pass through, the two kinds are the same.
        passes = a.kind != "sgd"
        if passes and a.traits.decoupled != b.traits.decoupled:
            kinds = {True: "decoupled (p ← p − ηλp)", False: "coupled (ĝ = g + λp)"}
            lost.append(
                f"weight decay is {kinds[a.traits.decoupled]} in {here} and "
                f"{kinds[b.traits.decoupled]} in {there}."
            )
        clips = {"clip_value", "clip_norm", "clip_global_norm"} & in_use(wanted)
        if (
            clips
            and a.traits.clip_first != b.traits.clip_first
            and not a.traits.decoupled
        ):
            lost.append(f"{here} and {there} clip and decay in another order.")
    start = settings.get("start", 0.0)
    if start != b.defaults.get("start", 0.0) and "start" not in b.keywords:
        lost.append(f"s starts at {start:g} in {here}, always at 0 in {there}.")
    if wanted.get("momentum") and a.traits.lr_in_buffer != b.traits.lr_in_buffer:
        conditions.append(
            "the learning rate is constant: it is inside the momentum buffer in one of "
            "the two and outside in the other."
        )
    return lost, conditions


def measured(translation: Translation, data: str, seed: int = 0) -> Translation:
    """The translation with how far its two sides are apart on the data.

    `data` is "stand-in" or the path of the airfoil file.
    """
    t, runs = translation, Runs([seed], data)
    source, target = (
        runs.of(BuiltinFormula(t.kind, row_of(name, t.kind).traits, settings)).curves[0]
        for name, settings in (
            (t.source, t.source_settings),
            (t.target, t.target_settings),
        )
    )
    apart = [abs(y / x - 1) for x, y in zip(source, target, strict=False)]
    return replace(t, final_difference=apart[-1], largest_difference=max(apart))


def as_lines(translation: Translation) -> list[str]:
    """A translation for a terminal."""
    t = translation
    lines = [t.before, "becomes", t.call, "", f"exact: {'yes' if t.exact else 'no'}"]
    lines += [f"  {sentence}" for sentence in t.lost]
    given = "provided that" if t.exact else "and the rest is exact only while"
    lines += [f"  {given} {condition}" for condition in t.conditions]
    if t.final_difference is not None and t.largest_difference is not None:
        lines.append(
            f"on the data: the final losses differ by {t.final_difference:.1e} "
            f"relative, by at most {t.largest_difference:.1e} on the way"
        )
    return lines
