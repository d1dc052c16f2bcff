"""Each framework's formula of one step, written out in its own words."""

from __future__ import annotations

from typing import Any

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from .table import CALLS, find_row
from .traits import NEUTRAL, Builtin

SYMBOLS = {"gamma": "γ", "eps": "ε", "lr": "η", "momentum": "μ", "weight_decay": "λ"}


def formula(row: Builtin) -> list[str]:
    """What one step of RMSProp computes, a line for each assignment or option."""
    traits, words = row.traits, row.keywords
    gamma, eps, lr = words["gamma"], words["eps"], words["lr"]
    root = f"√(s + {eps})" if traits.eps_inside else f"(√s + {eps})"
    lines = [f"s ← {gamma}·s + (1 − {gamma})·ĝ²", f"p ← p − {lr}·ĝ / {root}"]
    if "centered" in words:
        lines.append(f"centered: s − m² for s, m ← {gamma}·m + (1 − {gamma})·ĝ")
    momentum = words.get("momentum")
    if momentum:
        u = f"{lr}·ĝ / {root}" if traits.lr_in_buffer else f"ĝ / {root}"
        p = "p ← p − b" if traits.lr_in_buffer else f"p ← p − {lr}·b"
        when = f"if {row.only_with['momentum']}" if row.only_with else f"{momentum} > 0"
        lines.append(f"{when}: b ← {momentum}·b + {u};  {p}")
    decay = words.get("weight_decay") or row.before.get("weight_decay")
    if decay:
        how = f"p ← p − {lr}·{decay}·p" if traits.decoupled else f"ĝ = g + {decay}·p"
        lines.append(f"{decay}: {how}")
    return lines


def formulas(kind: str) -> list[dict[str, Any]]:
    """For each framework: its call, names and defaults, formula, what to know.

    Raises an InputError for another kind of optimizer than RMSProp.
    """
    if kind != "rmsprop":
        raise InputError(f"formulas are written out for rmsprop, not for {kind!r}.")
    rows = {name: row for name in FRAMEWORKS if (row := find_row(name, kind))}
    return [
        {
            "backend": name,
            "call": CALLS[name].format(name=row.name, arguments="…"),
            "defaults": {
                theirs: row.defaults.get(ours, NEUTRAL.get(ours, "required"))
                for ours, theirs in row.keywords.items()
            },
            "formula": formula(row),
            "note": row.note,
        }
        for name, row in rows.items()
    ]
