"""The formulas in words: what computes something else is written otherwise."""

from dataclasses import fields, replace

import pytest

from d2lopt.conventions.conformance import BASE, cases
from d2lopt.conventions.formulas import formula, formulas
from d2lopt.conventions.table import ROWS, find_row
from d2lopt.conventions.traits import Traits, chain
from d2lopt.errors import InputError

EVERY_ROW = [(name, row) for name, rows in ROWS.items() for row in rows]
every_row = pytest.mark.parametrize(
    ("name", "row"), EVERY_ROW, ids=[f"{n}-{r.kind}-{r.name}" for n, r in EVERY_ROW]
)


@every_row
def test_what_differs_in_traits_differs_in_the_text_and_nothing_else(name, row):
    """Held against the chains that conformance measures, in each of their options."""
    every = [{**BASE[row.kind], **row.fixed, **options} for options in cases(row)]
    for trait in [field.name for field in fields(Traits)]:
        if trait == "uses_lr" and "lr" not in row.keywords:
            continue
        traits = replace(row.traits, **{trait: not getattr(row.traits, trait)})
        other = replace(row, traits=traits)
        differs = any(
            chain(row.kind, row.traits, settings) != chain(row.kind, traits, settings)
            for settings in every
        )
        assert (formula(row) != formula(other)) == differs, trait


@every_row
def test_every_name_of_the_call_is_in_the_formula(name, row):
    text = "\n".join(formula(row))
    words = [*row.keywords.values(), *row.before.values()]
    assert [word for word in words if word.partition(".")[0] not in text] == []


def test_adams_epsilon_stands_where_the_framework_adds_it():
    assert formula(find_row("torch", "adam")) == [
        "m ← betas[0]·m + (1 − betas[0])·ĝ",
        "v ← betas[1]·v + (1 − betas[1])·ĝ²",
        "m̂ = m / (1 − betas[0]ᵗ),  v̂ = v / (1 − betas[1]ᵗ)",
        "p ← p − lr·m̂ / (√v̂ + eps)",
        "weight_decay: ĝ = g + weight_decay·p",
    ]
    raw = formula(find_row("mxnet", "adam"))
    assert "p ← p − learning_rate·c·m / (√v + epsilon)" in raw
    assert "wd: ĝ = clip(g + wd·p)" in raw


@pytest.mark.parametrize("optimizer", [*BASE, "nesterov"])
def test_formulas_of_every_optimizer_that_frameworks_have(optimizer):
    found = {f["backend"]: f for f in formulas(optimizer)}
    assert list(found) == [n for n in ROWS if n in found]
    assert len(found) >= 4
    if "adam" in optimizer:
        assert found["torch"]["defaults"]["betas"] == (0.9, 0.999)
    if optimizer == "nesterov":  # a row of its own, which is always Nesterov's
        assert "p ← p − (learning_rate·ĝ + momentum·b)" in found["mxnet"]["formula"]


def test_an_optimizer_that_no_framework_has():
    with pytest.raises(InputError, match="unknown built-in optimizer 'yogi'. Known: "):
        formulas("yogi")
