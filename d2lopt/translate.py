"""From one framework's call of an optimizer to another's, and what is lost."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .conventions import FRAMEWORKS
from .errors import InputError, unknown
from .explain import Scenario, row_of
from .hyperparams import check_ranges
from .traits import NEUTRAL, Builtin, in_use


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

    Raises an InputError for a word without "=", an unknown name (with the nearest), or
    a value that is no number or truth value.
    """
    ours_of = {theirs: ours for ours, theirs in row.keywords.items()}
    settings: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"{word!r} is not of the form name=value.")
        if name not in ours_of:
            title = f"option of {FRAMEWORKS[framework].title}'s {row.name}"
            raise unknown(title, name, ours_of)
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        ours = ours_of[name]
        is_flag = isinstance(NEUTRAL.get(ours), bool)
        if not isinstance(value, bool if is_flag else int | float) or (
            isinstance(value, bool) != is_flag
        ):
            wanted = "True or False" if is_flag else "a number"
            raise InputError(f"{name} must be {wanted}; got {text!r}.")
        settings[ours] = value if is_flag else float(value)
    renamed = {ours: row.keywords[ours] for ours in settings}
    check_ranges(settings, renamed)
    return settings


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
    if a.only_with.get("momentum") and not settings["centered"]:
        settings["momentum"] = 0.0  # ignored there
    # Only what is in use has to be said again.
    wanted = {n: v for n, v in settings.items() if n not in NEUTRAL}
    wanted |= {n: settings[n] for n in in_use(settings)}
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
        FRAMEWORKS[source].written(a, {**wanted, "eps_inside": settings["eps_inside"]}),
        FRAMEWORKS[target].written(b, kept),
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
    if settings.get("eps", 0) and fixed and inside != b.traits.eps_inside:
        lost.append(
            f"ε is {place[inside]} in {here} and {place[not inside]} in {there}: no "
            "value of it gives the same steps, unless it is 0."
        )
    for name in sorted(in_use(wanted) - b.options):
        lost.append(
            f"{a.keywords.get(name, name)} has no equivalent in {there}'s {b.name}."
        )
    if "momentum" in in_use(wanted) and not b.can_express(
        {k: v for k, v in wanted.items() if k in ("momentum", "centered")}
    ):
        lost.append(f"{there}'s {b.name} ignores its momentum unless centered.")
    if wanted.get("weight_decay") and "weight_decay" in b.options:
        if a.traits.decoupled != b.traits.decoupled:
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


def measured(found: Translation, data: str, seed: int = 0) -> Translation:
    """The translation with how far its two sides are apart on the data."""
    sides = []
    for name, settings in (
        (found.source, found.source_settings),
        (found.target, found.target_settings),
    ):
        row = row_of(name, found.kind)
        sides.append(Scenario(found.kind, row.traits, settings).run(seed, data, 10))
    gaps = [abs(y / x - 1) for x, y in zip(*sides, strict=False)]
    return replace(found, final_difference=gaps[-1], largest_difference=max(gaps))


def as_lines(found: Translation) -> list[str]:
    """A translation for a terminal."""
    lines = [f"{found.before}", "becomes", f"{found.call}", ""]
    lines.append("exact: yes" if found.exact else "exact: no")
    lines += [f"  {sentence}" for sentence in found.lost]
    given = "provided that" if found.exact else "and the rest is exact only while"
    lines += [f"  {given} {condition}" for condition in found.conditions]
    if found.final_difference is not None and found.largest_difference is not None:
        lines.append(
            f"on the data: the final losses differ by {found.final_difference:.1e} "
            f"relative, by at most {found.largest_difference:.1e} on the way"
        )
    return lines
