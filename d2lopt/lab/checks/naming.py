"""Which mistake a rule makes: the wrong version that takes the same path names it.

Where several versions do, what the harness sees of the states tells them apart, and a
probe whose states are the parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..catalogue import versions
from ..catalogue.versions import Wrong
from . import probes
from .candidate import Candidate, Run
from .probes import Probe

ORACLE = "numpy"  # the quickest framework to compute a version's path


def mistakes_of(
    candidate: Candidate, runs: Sequence[Run], more: Sequence[Probe]
) -> tuple[str, ...]:
    """The mistakes of the first wrong version that does what the candidate does.

    `runs` are the candidate's, each in another setting and all on one probe; on the
    probes of `more`, it has to do what that version does as well.
    """
    for wrongs in (versions.with_one_mistake, versions.with_two_mistakes):
        for run in runs:
            wrong = _same_version(candidate, run, wrongs(candidate.rule), more)
            if wrong:
                return wrong.mistakes
    return ()


def _same_version(
    candidate: Candidate, run: Run, wrongs: Iterable[Wrong], more: Sequence[Probe]
) -> Wrong | None:
    alike = []  # the versions that take the run's path, and the states they touch
    for wrong in wrongs:
        # On NumPy first: most versions part from the run within a step or two.
        if not candidate.follows(wrong.make, run, on=ORACLE):
            continue
        path = candidate.follows(wrong.make, run)
        if path is not None:
            alike.append((wrong, path.touched))
    for probe in more:
        if not alike:
            return None
        again = candidate.run(probe, run.setting)
        alike = [
            (wrong, touched)
            for wrong, touched in alike
            if again.error is None and candidate.follows(wrong.make, again)
        ]
    agree = [wrong for wrong, touched in alike if _same_states(touched, run.touched)]
    agree = agree or [wrong for wrong, _ in alike]
    if len({wrong.mistakes for wrong in agree}) > 1:
        again = candidate.run(probes.aliased(candidate.rule), run.setting)
        if again.error is None:
            there = [w for w in agree if candidate.follows(w.make, again)]
            agree = there or agree
    return agree[0] if agree else None


def _same_states(one: tuple[bool, ...], two: tuple[bool, ...]) -> bool:
    """Whether the same states were touched, as far as both keep them."""
    return all(a == b for a, b in zip(one, two, strict=False))


def distinct(runs: Sequence[Run]) -> list[Run]:
    """One run for each path, all in the first run's type of numbers.

    A further setting that leads to no finite number, as counting the steps from 0 may,
    says nothing.
    """
    kept: list[Run] = []
    for run in runs:
        if run.setting.dtype != runs[0].setting.dtype:
            continue
        known = any(_same_path(run, other) for other in kept)
        empty = kept and not any(np.isfinite(p).any() for p in run.path[-1])
        if not known and not empty:
            kept.append(run)
    return kept


def _same_path(one: Run, two: Run) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=True)
        for first, second in zip(one.path, two.path, strict=True)
        for a, b in zip(first, second, strict=True)
    )


def stands_still(run: Run) -> bool:
    """Whether no parameter ever left its start."""
    return all(
        (p == q).all()
        for params in run.path
        for p, q in zip(params, run.probe.start, strict=True)
    )
