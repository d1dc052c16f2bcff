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
from .curves import gaps
from .scenario import BuiltinFormula, Runs
from .table import find_row, kind_of, row_of, written
from .traits import CLIPS, NEUTRAL, Builtin, in_use, way_of_decay


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
    # On the data, of the ½·MSE, relative; None where it is not measured.
    final_difference: float | None = None  # None also if a run diverged
    largest_difference: float | None = None  # at any recorded step that both reached


def parse(framework: str, row: Builtin, words: Sequence[str]) -> dict[str, Any]:
    """Settings in our words from `name=value` in the framework's.

    A value is a number, True or False, a tuple of numbers, or a call of one of the
    framework's objects, such as `grad_clip=ClipGradByValue(0.5)`. Raises an InputError
    for a word without "=", an unknown name (with the nearest), a name that is there
    twice, or another value.
    """
    ours_of = {t: o for o, t in row.keywords.items() if o not in row.objects}
    calls = {path.split(".")[-1]: ours for ours, path in row.objects.items()}
    settings: dict[str, Any] = {}
    names: set[str] = set()
    for name, text in _pairs(words):
        call = re.fullmatch(r"(?:\w+\.)*(\w+)\((.*)\)", text.strip())
        ours = calls.get(call[1]) if call else ours_of.get(name)
        if name in names:
            raise InputError(f"{name.split('.')[0]} is given twice: give it once.")
        names.add(name)
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


def translate(
    optimizer: str, source: str, target: str, words: Sequence[str]
) -> Translation:
    """The target framework's call for the source framework's `words`.

    Raises an InputError for a framework without the optimizer, or for words
    that `parse` refuses.
    """
    kind, options = kind_of(optimizer)
    a, b = row_of(source, optimizer), row_of(target, optimizer)
    settings = a.full({**parse(source, a, words), **options})
    needed = [
        n for n in ("lr", "gamma", "eps") if n in a.keywords and n not in settings
    ]
    if needed:
        names = ", ".join(a.keywords[n] for n in needed)
        title = FRAMEWORKS[source].title
        raise InputError(f"{title}'s {a.name} needs {names}, which has no default.")
    if options.get("nesterov") and not settings["momentum"]:
        raise InputError(f"{optimizer} needs {a.keywords['momentum']}, above 0.")
    settings = a.effective(settings)
    # Only what is in use has to be said again.
    used = in_use(settings)
    wanted = {n: v for n, v in settings.items() if n not in NEUTRAL}
    wanted |= {n: v for n, v in settings.items() if n in used}
    b = find_row(target, kind, wanted) or b
    kept = {n: v for n, v in wanted.items() if n not in NEUTRAL or n in b.options}
    if "eps_inside" in b.keywords:
        kept["eps_inside"] = settings["eps_inside"]
    if not b.can_express(kept) and "momentum" in kept:
        del kept["momentum"]
    source_settings = {**wanted, "eps_inside": settings["eps_inside"]}
    titles = FRAMEWORKS[source].title, FRAMEWORKS[target].title
    lost = list(_lost(*titles, a, b, wanted, settings))
    return Translation(
        kind,
        source,
        target,
        before=written(source, a, source_settings),
        call=written(target, b, kept),
        exact=not lost,
        lost=lost,
        conditions=list(_conditions(a, b, wanted)),
        source_settings=source_settings,
        target_settings=kept,
    )


def _lost(
    here: str,
    there: str,
    a: Builtin,
    b: Builtin,
    wanted: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Iterator[str]:
    """What the target cannot say, a sentence each.

    `wanted` are the settings that are in use, `settings` all of them.
    """
    inside, fixed = settings["eps_inside"], "eps_inside" not in b.keywords
    in_a_root = a.kind in ("rmsprop", "adagrad")
    if in_a_root and settings["eps"] and fixed and inside != b.traits.eps_inside:
        place = {True: "inside the root", False: "outside the root"}
        yield (
            f"ε is {place[inside]} in {here} and {place[not inside]} in {there}: no "
            "value of it gives the same steps, unless it is 0."
        )
    if settings.get("eps", 0) and a.traits.raw != b.traits.raw:
        where = {True: "√v", False: "√v̂, the corrected one,"}
        yield (
            f"ε is added to {where[a.traits.raw]} in {here} and to "
            f"{where[b.traits.raw]} in {there}."
        )
    if a.traits.uses_lr != b.traits.uses_lr and settings.get("lr", 1.0) != 1.0:
        yield f"the learning rate is ignored in {there}'s {b.name}."
    for name in sorted(in_use(wanted) - b.options - {"start"}):
        yield f"{a.keywords.get(name, name)} has no equivalent in {there}'s {b.name}."
    if "momentum" in in_use(wanted) and not b.can_express(
        {k: v for k, v in wanted.items() if k in ("momentum", "centered")}
    ):
        yield f"{there}'s {b.name} ignores its momentum unless centered."
    in_both = {n: v for n, v in wanted.items() if n in b.options}
    ways = [way_of_decay(row.kind, row.traits, in_both) for row in (a, b)]
    if ways[0] != ways[1] and "decoupled" in ways:
        kinds = {True: "decoupled (p ← p − ηλp)", False: "coupled (ĝ = g + λp)"}
        yield (
            f"weight decay is {kinds[a.traits.decoupled]} in {here} and "
            f"{kinds[b.traits.decoupled]} in {there}."
        )
    elif ways[0] != ways[1]:
        yield f"{here} and {there} clip and decay in another order."
    start = settings.get("start", 0.0)
    if start != b.defaults.get("start", 0.0) and "start" not in b.keywords:
        yield f"s starts at {start:g} in {here}, always at 0 in {there}."


def _conditions(a: Builtin, b: Builtin, wanted: Mapping[str, Any]) -> Iterator[str]:
    """What exactness rests on, a clause each."""
    if wanted.get("momentum") and a.traits.lr_in_buffer != b.traits.lr_in_buffer:
        yield (
            "the learning rate is constant: it is inside the momentum buffer in one of "
            "the two and outside in the other."
        )


def measured(translation: Translation, data: str, seed: int = 0) -> Translation:
    """The translation with how far its two sides are apart on the data.

    `data` is "stand-in" or the path of the airfoil file.
    """
    t, runs = translation, Runs([seed], data)
    sides = ((t.source, t.source_settings), (t.target, t.target_settings))
    source, target = (
        runs.of(BuiltinFormula(t.kind, row_of(name, t.kind).traits, settings)).curves[0]
        for name, settings in sides
    )
    apart = gaps(target, source)
    both_ended = len(apart) == len(source) == len(target)
    final = apart[-1] if both_ended else None
    return replace(t, final_difference=final, largest_difference=max(apart))


def as_lines(translation: Translation) -> list[str]:
    """A translation for a terminal."""
    t = translation
    lines = [t.before, "becomes", t.call, "", f"exact: {'yes' if t.exact else 'no'}"]
    lines += [f"  {sentence}" for sentence in t.lost]
    given = "provided that" if t.exact else "and the rest is exact only while"
    lines += [f"  {given} {condition}" for condition in t.conditions]
    if t.final_difference is not None:
        lines.append(
            f"on the data: the final losses differ by {t.final_difference:.1e} "
            f"relative, by at most {t.largest_difference:.1e} on the way"
        )
    elif t.largest_difference is not None:
        lines.append(
            "on the data: a run diverged; until then, the losses differ by at most "
            f"{t.largest_difference:.1e} relative"
        )
    return lines
