"""Check a rule: hold its trajectory against the correct one and against wrong ones.

The student's code is not read. It runs over the probes on the framework in use, in
float64 and, where that fails, in float32, in each way of being called that a correct
rule may expect; one in which it is right is enough. Otherwise the wrong rule with the
same trajectory names the mistake. Where several have it, what holders of the states
see, and a probe whose states are the parameters, tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import Any

import numpy as np

from ...backend.load import load
from ...errors import InputError
from ...rules.optimizers import RULES
from ..catalogue import families
from ..catalogue.families import Make, Wrong
from ..catalogue.hints import HINTS, hint
from . import probes
from .guard import explained, globals_kept, quiet
from .limits import SECONDS, OutOfTime, limit
from .paths import Path, path
from .probes import OPTIONAL, Array, Probe
from .result import Result
from .trial import Call, Setting, Trial, WrongShape, call_of, settings
from .yardstick import Yardstick

DTYPES = ("float64", "float32")  # the second where the first cannot be
ORACLE = "numpy"


@dataclass
class Run:
    """What came of the student's rule on one probe."""

    path: list[list[Array]] = field(default_factory=list)
    error: BaseException | None = None
    touched: tuple[bool, ...] = ()
    replaced: bool = False
    asked: set[str] = field(default_factory=set)


def check_rule(rule: str, function: Any, name: str, d2l: Any) -> Result:
    """The result of a function that should be the rule of that name in RULES."""
    try:
        call = call_of(d2l, function)
    except InputError as error:
        return Result(name, False, "wrong-arguments", str(error))
    try:
        with quiet(), globals_kept(function):
            return _Check(rule, function, call, name, d2l).result()
    except OutOfTime:
        return Result(name, False, "timeout", HINTS["timeout"])


class _Check:
    def __init__(
        self, rule: str, function: Any, call: Call, name: str, d2l: Any
    ) -> None:
        self.rule, self.function, self.call = rule, function, call
        self.name, self.d2l = name, d2l
        self.naming = probes.naming(rule)

    def result(self) -> Result:
        tried: list[tuple[Setting, Run]] = []
        nearly: list[Result] = []  # of what was right at first
        for dtype in DTYPES:
            if tried and not self.rounding_may_be_why(tried):
                break
            for setting in settings(self.rule, dtype):
                if self.told_nothing_new(setting, tried):
                    continue
                run = self.run(self.naming[0], setting)
                if isinstance(run.error, NotImplementedError):
                    return self.wrong("not-implemented")
                if run.error is None and self.is_right(run, self.naming[0], setting):
                    result = self.right_at_first(run, setting)
                    if result.passed:
                        return result
                    nearly.append(result)
                tried.append((setting, run))
        return nearly[0] if nearly else self.named(tried)

    def told_nothing_new(
        self, setting: Setting, tried: list[tuple[Setting, Run]]
    ) -> bool:
        """Whether a run differed in a step count only, which the rule did not read."""
        return any(
            (old.states, old.dtype) == (setting.states, setting.dtype)
            and not run.asked & {"t"}
            for old, run in tried
        )

    def rounding_may_be_why(self, tried: list[tuple[Setting, Run]]) -> bool:
        """Whether the rule fails, or is only roughly right, in more exact numbers."""
        probe = self.naming[0]
        ran = [(setting, run) for setting, run in tried if run.error is None]
        return not ran or any(
            self.is_right(run, probe, setting, DTYPES[-1]) for setting, run in ran
        )

    # -------------------------------------------------------------------- running

    def run(self, probe: Probe, setting: Setting) -> Run:
        """The student's rule over a probe, from the start."""
        run = Run()
        with globals_kept(self.function):
            trial = Trial(self.d2l, self.call, probe, setting, OPTIONAL)
            try:
                with limit(SECONDS):
                    for _ in probe.grads:
                        run.path.append(trial.step())
            except (Exception, SystemExit) as error:
                run.error = error
            run.touched, run.replaced = trial.touched, trial.replaced
            run.asked = trial.hyperparams.read
        return run

    def follows(
        self,
        make: Make,
        run: Run,
        probe: Probe,
        setting: Setting,
        rounded: str | None = None,
        on: str | None = None,
    ) -> Path | None:
        """The rule's own path if it is the path of the run, else None.

        `rounded` is the type whose rounding is allowed, if it is not the setting's;
        `on` is the framework that computes it, if it is not the student's.
        """
        d2l = load(on) if on else self.d2l
        right = path(d2l, self.rule, make, probe, setting.dtype)
        yardstick = Yardstick(probe, rounded or setting.dtype)
        for t, found in enumerate(run.path, start=1):
            if not yardstick.same(found, right.after(t)):
                return None
        return right

    def is_right(
        self, run: Run, probe: Probe, setting: Setting, rounded: str | None = None
    ) -> bool:
        return any(
            self.follows(make, run, probe, setting, rounded)
            for make in families.right(self.rule)
        )

    # -------------------------------------------------------------------- verdicts

    def wrong(self, *mistakes: str, **details: Any) -> Result:
        more = {"mistakes": list(mistakes), **details}
        return Result(self.name, False, mistakes[0], hint(*mistakes), more)

    def right_at_first(self, run: Run, setting: Setting) -> Result:
        """The rule passed the first probe: what of the others?"""
        if run.replaced:
            return self.wrong("state-rebound")
        for probe in (self.naming[1], probes.lesson(self.rule)):
            run = self.run(probe, setting)
            if run.error is not None:
                return self.raised(run.error, setting)
            if not self.is_right(run, probe, setting):
                name = self.ignored(setting)
                if name:
                    return name
                return self.departs(run, probe, setting)
        return self.with_other_numbers(setting)

    def with_other_numbers(self, setting: Setting) -> Result:
        """ε and β may be read, or be the numbers of the exercise."""
        probe = probes.other(self.rule)
        defaults = RULES[self.rule].hyperparams
        names = [n for n in OPTIONAL if n in defaults]
        run = self.run(probe, setting)
        if run.error is not None:
            return self.raised(run.error, setting)
        subsets = chain.from_iterable(
            combinations(names, k) for k in range(len(names) + 1)
        )
        for fixed in subsets:
            if self.is_right(run, probes.other(self.rule, fixed), setting):
                return Result(self.name, True, details={"fixed": list(fixed)})
        return self.departs(run, probe, setting)

    def ignored(self, setting: Setting) -> Result | None:
        """Whether the rule takes the same path whatever a hyperparameter is."""
        probe = self.naming[0]
        run = self.run(probe, setting)
        for name, value in probe.hyperparams.items():
            if name in OPTIONAL:
                continue
            other = self.run(
                probes.with_hyperparams(probe, **{name: value * 0.8}), setting
            )
            yardstick = Yardstick(probe, setting.dtype)
            pairs = zip(run.path, other.path, strict=False)
            if other.error is None and all(yardstick.same(a, b) for a, b in pairs):
                return Result(
                    self.name,
                    False,
                    "hyperparameter-ignored",
                    f"hyperparams[{name!r}] makes no difference: read it, in the place "
                    "of a number of your own.",
                )
        return None

    def raised(self, error: BaseException, setting: Setting) -> Result:
        """An error of the student's own, or one that comes of the shapes."""
        told = explained(error, self.function)
        if isinstance(error, WrongShape):
            return Result(self.name, False, "wrong-shape", str(error))
        alone = self.run(probes.single(self.rule), setting)
        if alone.error is None and alone.path:
            text = f"{HINTS['wrong-shape']} With single numbers it runs; else {told}"
            return Result(self.name, False, "wrong-shape", text)
        return Result(self.name, False, "raises", f"{HINTS['raises']} {told}")

    def named(self, tried: list[tuple[Setting, Run]]) -> Result:
        """The mistake of a rule that was right in no setting."""
        ran = [(setting, run) for setting, run in tried if run.error is None]
        if not ran:
            setting, run = tried[0]
            assert run.error is not None
            return self.raised(run.error, setting)
        for _, run in ran:
            if not any(run.touched) and not run.asked and self.stands_still(run):
                return self.wrong("not-implemented")
        ran = self.distinct(ran)
        mistakes = self.matched(ran, self.naming)
        if mistakes:
            return self.wrong(*mistakes)
        setting, run = ran[0]
        ignored = self.ignored(setting)
        if ignored:
            return ignored
        mistakes = self.matched(ran, self.naming[:1])
        if mistakes:  # but not with other numbers
            return self.wrong(*mistakes, "hyperparameter-ignored")
        return self.departs(run, self.naming[0], setting)

    def matched(
        self, ran: list[tuple[Setting, Run]], naming: Sequence[Probe]
    ) -> tuple[str, ...]:
        """The mistakes of the first wrong rule that does the same on these probes."""
        for wrong in (families.singles, families.pairs):
            for setting, run in ran:
                found = self.match(wrong(self.rule), run, setting, naming)
                if found:
                    return found.mistakes
        return ()

    def distinct(self, ran: list[tuple[Setting, Run]]) -> list[tuple[Setting, Run]]:
        """One run for each path, in the first type of numbers in which any ran.

        A further way of calling the rule that leads to no number at all, as counting
        the steps from 0 may, says nothing.
        """
        dtype = ran[0][0].dtype
        kept: list[tuple[Setting, Run]] = []
        for setting, run in ran:
            known = any(self.same_path(run, other) for _, other in kept)
            empty = kept and not any(np.isfinite(p).any() for p in run.path[-1])
            if setting.dtype == dtype and not known and not empty:
                kept.append((setting, run))
        return kept

    def same_path(self, one: Run, two: Run) -> bool:
        return all(
            np.array_equal(a, b, equal_nan=True)
            for first, second in zip(one.path, two.path, strict=True)
            for a, b in zip(first, second, strict=True)
        )

    def stands_still(self, run: Run) -> bool:
        start = self.naming[0].start
        return all(
            (p == q).all()
            for step in run.path
            for p, q in zip(step, start, strict=True)
        )

    def match(
        self,
        wrongs: Iterable[Wrong],
        run: Run,
        setting: Setting,
        naming: Sequence[Probe],
    ) -> Wrong | None:
        """The wrong rule that does what the student's does on these probes.

        `run` is the student's on the first of them.
        """
        same = []
        for wrong in wrongs:
            # NumPy is quick to tell which to look at on the framework itself.
            if not self.follows(wrong.make, run, self.naming[0], setting, on=ORACLE):
                continue
            found = self.follows(wrong.make, run, self.naming[0], setting)
            if found is not None:
                same.append((wrong, found.touched))
        for probe in naming[1:]:
            again = self.run(probe, setting) if same else run
            same = [
                (wrong, touched)
                for wrong, touched in same
                if again.error is None
                and self.follows(wrong.make, again, probe, setting)
            ]
        kept = [wrong for wrong, touched in same if _agree(touched, run.touched)]
        kept = kept or [wrong for wrong, _ in same]
        if len({wrong.mistakes for wrong in kept}) > 1:
            probe = probes.aliased(self.rule)
            more = self.run(probe, setting)
            agree = [
                wrong
                for wrong in kept
                if more.error is None and self.follows(wrong.make, more, probe, setting)
            ]
            kept = agree or kept
        return kept[0] if kept else None

    def departs(self, run: Run, probe: Probe, setting: Setting) -> Result:
        """Where a rule of no known mistake first parts from the correct one."""
        make = families.right(self.rule)[0]
        right_path = path(self.d2l, self.rule, make, probe, setting.dtype)
        yardstick = Yardstick(probe, setting.dtype)
        for t, found in enumerate(run.path, start=1):
            expected = right_path.after(t)
            for i, differs in enumerate(yardstick.apart(found, expected)):
                if differs.any():
                    place = tuple(int(k) for k in _first(differs))
                    yours, right = float(found[i][place]), float(expected[i][place])
                    where_ = {"step": t, "parameter": i, "element": list(place)}
                    text = (
                        f"No known mistake fits{probe.title}. Your rule departs at "
                        f"step {t}, in parameter {i}, element {list(place)}: there it "
                        f"has {yours:.9g}, and {right:.9g} is right."
                    )
                    details = {**where_, "found": yours, "expected": right}
                    return Result(self.name, False, None, text, details)
        return Result(self.name, False, None, "No known mistake fits.")


def _agree(one: tuple[bool, ...], two: tuple[bool, ...]) -> bool:
    """Whether the same states were touched, as far as both keep them."""
    return all(a == b for a, b in zip(one, two, strict=False))


def _first(differs: Any) -> Any:
    return next(zip(*differs.nonzero(), strict=True))
