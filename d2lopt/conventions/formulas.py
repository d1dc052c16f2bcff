"""Each framework's formula of one step, written out in its own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..backend.frameworks import FRAMEWORKS
from ..errors import unknown
from .table import CALLS, ROWS, find_row, kind_of
from .traits import CLIPS, NEUTRAL, Builtin

SYMBOLS = {
    "gamma": "γ",
    "eps": "ε",
    "lr": "η",
    "momentum": "μ",
    "weight_decay": "λ",
    "rho": "ρ",
    "beta1": "β₁",
    "beta2": "β₂",
}
Words = Mapping[str, str]  # ours → the framework's


def formula(row: Builtin) -> list[str]:
    """What one step computes: a line for each assignment, then one for each option.

    ĝ is the gradient, clipped and decayed, and t counts the steps from 1. The averages
    s, x, m and v and the buffer b start at 0.
    """
    words = _words(row)
    averages, u = _scaled_gradient(row, words)
    step: tuple[str, ...] = (f"p ← p − {_times_lr(row, words, u)}",)
    if row.kind == "momentum":
        step = _through_buffer(row, words, u, bool(row.fixed.get("nesterov")))
    return [*averages, *step, *_options(row, words, u), *_clip_and_decay(row, words)]


def _words(row: Builtin) -> dict[str, str]:
    """The framework's name of each setting; betas[0] is the first of a tuple."""
    words = {}
    for ours, theirs in {**row.before, **row.keywords}.items():
        name, _, place = theirs.partition(".")
        words[ours] = f"{name}[{place}]" if place else name
    return words


def _times_lr(row: Builtin, words: Words, u: str) -> str:
    return f"{words['lr']}·{u}" if row.traits.uses_lr else u


def _root(row: Builtin, words: Words, inside: bool) -> str:
    """What the gradient is divided by, for a mean or a sum s of its squares."""
    return f"√(s + {words['eps']})" if inside else f"(√s + {words['eps']})"


def _scaled_gradient(row: Builtin, words: Words) -> tuple[list[str], str]:
    """The averages that a step keeps, and what it multiplies by the learning rate."""

    def mean(name: str, share: str, of: str) -> str:
        return f"{name} ← {share}·{name} + (1 − {share})·{of}"

    match row.kind:
        case "rmsprop":
            root = _root(row, words, row.traits.eps_inside)
            return [mean("s", words["gamma"], "ĝ²")], f"ĝ / {root}"
        case "adagrad":
            return ["s ← s + ĝ²"], f"ĝ / {_root(row, words, row.traits.eps_inside)}"
        case "adadelta":
            rho, eps = words["rho"], words["eps"]
            d = f"d = √(x + {eps}) / √(s + {eps})·ĝ"
            return [mean("s", rho, "ĝ²"), d, mean("x", rho, "d²")], "d"
        case "adam" | "adamw":
            beta1, beta2, eps = words["beta1"], words["beta2"], words["eps"]
            averages = [mean("m", beta1, "ĝ"), mean("v", beta2, "ĝ²")]
            if row.traits.raw:
                c = f"c = √(1 − {beta2}ᵗ) / (1 − {beta1}ᵗ)"
                return [*averages, c], f"c·m / (√v + {eps})"
            hats = f"m̂ = m / (1 − {beta1}ᵗ),  v̂ = v / (1 − {beta2}ᵗ)"
            return [*averages, hats], f"m̂ / (√v̂ + {eps})"
    return [], "ĝ"


def _through_buffer(
    row: Builtin, words: Words, u: str, nesterov: bool = False
) -> tuple[str, str]:
    """The buffer of momentum, and the step that it makes; Nesterov's looks ahead."""
    mu, inside = words["momentum"], row.traits.lr_in_buffer
    enters = _times_lr(row, words, u) if inside else u
    b = f"({enters} + {mu}·b)" if nesterov else "b"
    step = b if inside else _times_lr(row, words, b)
    return f"b ← {mu}·b + {enters}", f"p ← p − {step}"


def _options(row: Builtin, words: Words, u: str) -> Iterator[str]:
    """What each option changes."""
    gamma = words.get("gamma")
    if "centered" in words:
        yield f"centered: s − m² for s, m ← {gamma}·m + (1 − {gamma})·ĝ"
    if "momentum" in words and row.kind != "momentum":
        needs = row.only_with.get("momentum")
        when = f"if {needs}" if needs else f"{words['momentum']} > 0"
        yield f"{when}: {';  '.join(_through_buffer(row, words, u))}"
    if "nesterov" in words:
        yield f"{words['nesterov']}: {_through_buffer(row, words, u, True)[1]}"
    if "corrected" in words:
        c = f"(1 − {gamma}ᵗ)"
        yield f"{words['corrected']}: s / {c} for s, m / {c} for m"
    if "eps_inside" in words:
        roots = _root(row, words, False), _root(row, words, True)
        yield f"{words['eps_inside']}=False: {roots[0]} for {roots[1]}"
    if "start" in words:
        yield f"{words['start']}: where s starts"


def _clip_and_decay(row: Builtin, words: Words) -> Iterator[str]:
    """How the gradient is clipped, and how the weights decay."""
    clips = dict.fromkeys(words[clip] for clip in CLIPS if clip in words)
    if clips:
        yield f"{', '.join(clips)}: ĝ = clip(g)"
    coupled = "ĝ = g + {}"
    if clips:
        coupled = "ĝ = clip(g) + {}" if row.traits.clip_first else "ĝ = clip(g + {})"
    if "weight_decay" in words:
        pull = f"{words['weight_decay']}·p"
        decoupled = f"p ← p − {words.get('lr')}·{pull}"
        how = decoupled if row.traits.decoupled else coupled.format(pull)
        yield f"{words['weight_decay']}: {how}"
    if "l1_decay" in words:
        name = row.objects["l1_decay"].split(".")[-1]
        yield f"{name}: {coupled.format(words['l1_decay'] + '·sign(p)')}"
    if "clip_weights" in words:
        name = words["clip_weights"]
        yield f"{name}: p ← min(max(p, −{name}), {name})"


def formulas(optimizer: str) -> list[dict[str, Any]]:
    """For each framework: its call, names and defaults, formula, what to know.

    Raises an InputError if none has the optimizer.
    """
    found = {name: find_row(name, *kind_of(optimizer)) for name in FRAMEWORKS}
    rows = {name: row for name, row in found.items() if row}
    if not rows:
        kinds = dict.fromkeys(row.kind for rows in ROWS.values() for row in rows)
        raise unknown("built-in optimizer", optimizer, kinds)
    return [
        {
            "backend": name,
            "call": CALLS[name].format(name=row.name, arguments="…"),
            "defaults": _defaults(row),
            "formula": formula(row),
            "note": row.note,
        }
        for name, row in rows.items()
    ]


def _defaults(row: Builtin) -> dict[str, Any]:
    """The framework's names with their defaults; "required" where there is none."""
    defaults: dict[str, Any] = {}
    for ours, theirs in row.keywords.items():
        value = row.defaults.get(ours, NEUTRAL.get(ours, "required"))
        name, _, place = theirs.partition(".")
        defaults[name] = (*defaults.get(name, ()), value) if place else value
    return defaults
