"""Check a rule: hold its trajectory against the correct one and against wrong ones.

The student's code is not read. It runs over the probes on the framework in use, in
float64 and, where that fails, in float32, in each setting in which a correct rule may
expect to be called; one in which it is right is enough. Otherwise `naming.py` looks for
the mistake, and where no known one fits, the hint tells where the numbers part.
"""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

from ...errors import InputError
from ...rules.optimizers import RULES
from ..catalogue import versions
from ..catalogue.hints import HINTS, hint
from . import probes
from .candidate import Candidate, Run
from .guard import explained, globals_kept, quiet
from .limits import OutOfTime
from .naming import distinct, mistakes_of, stands_still
from .paths import path
from .probes import OPTIONAL
from .result import Result
from .settings import Setting, settings
from .trial import WrongShape
from .yardstick import Yardstick

DTYPES = ("float64", "float32")  # the second where the first cannot be


def check_rule(rule: str, function: Any, name: str, d2l: Any) -> Result:
    """The result of a function that should be the rule of that name in RULES."""
    try:
        candidate = Candidate(rule, function, d2l)
    except InputError as error:
        return Result(name, False, "wrong-arguments", str(error))
    try:
        with quiet(), globals_kept(function):
            return _Check(name, candidate).result()
    except OutOfTime:
        return Result(name, False, "timeout", HINTS["timeout"])


class _Check:
    def __init__(self, name: str, candidate: Candidate) -> None:
        self.name, self.candidate, self.rule = name, candidate, candidate.rule
        self.first, self.second = probes.naming(self.rule)

    def result(self) -> Result:
        tried: list[Run] = []
        right_at_first: list[Result] = []  # and wrong on a later probe
        for dtype in DTYPES:
            if tried and not self.rounding_may_be_why(tried):
                break
            for setting in settings(self.rule, dtype):
                if _runs_as_before(setting, tried):
                    continue
                run = self.candidate.run(self.first, setting)
                if isinstance(run.error, NotImplementedError):
                    return self.wrong("not-implemented")
                if run.error is None and self.candidate.is_right(run):
                    result = self.on_further_probes(run)
                    if result.passed:
                        return result
                    right_at_first.append(result)
                tried.append(run)
        return right_at_first[0] if right_at_first else self.named(tried)

    def rounding_may_be_why(self, tried: list[Run]) -> bool:
        """Whether the rule fails in float64, or is right there if rounded more."""
        ran = [run for run in tried if run.error is None]
        return not ran or any(
            self.candidate.is_right(run, rounded=DTYPES[-1]) for run in ran
        )

    # --------------------------------------------------- right on the first probe

    def on_further_probes(self, run: Run) -> Result:
        """The rule passed the first probe: what of the others?"""
        if run.replaced:
            return self.wrong("state-rebound")
        for probe in (self.second, probes.lesson(self.rule)):
            run = self.candidate.run(probe, run.setting)
            if run.error is not None:
                return self.raised(run)
            if not self.candidate.is_right(run):
                return self.ignores_a_hyperparameter(run.setting) or self.departs(run)
        return self.with_other_numbers(run.setting)

    def with_other_numbers(self, setting: Setting) -> Result:
        """ε and β may be read, or be the numbers of the exercise."""
        run = self.candidate.run(probes.other(self.rule), setting)
        if run.error is not None:
            return self.raised(run)
        names = [n for n in OPTIONAL if n in RULES[self.rule].hyperparams]
        subsets = chain.from_iterable(
            combinations(names, k) for k in range(len(names) + 1)
        )
        for fixed in subsets:
            if self.candidate.is_right(run, probes.other(self.rule, fixed)):
                return Result(self.name, True, details={"fixed": list(fixed)})
        return self.departs(run)

    # ---------------------------------------------------- right in no setting

    def named(self, tried: list[Run]) -> Result:
        """The mistake of a rule that was right in no setting."""
        ran = [run for run in tried if run.error is None]
        if not ran:
            return self.raised(tried[0])
        for run in ran:
            if not any(run.touched) and not run.read and stands_still(run):
                return self.wrong("not-implemented")
        ran = distinct(ran)
        mistakes = mistakes_of(self.candidate, ran, [self.second])
        if mistakes:
            return self.wrong(*mistakes)
        ignored = self.ignores_a_hyperparameter(ran[0].setting)
        if ignored:
            return ignored
        mistakes = mistakes_of(self.candidate, ran, [])
        if mistakes:  # but not with other numbers
            return self.wrong(*mistakes, "hyperparameter-ignored")
        return self.departs(ran[0])

    # ------------------------------------------------------------ what is wrong

    def wrong(self, *mistakes: str) -> Result:
        details = {"mistakes": list(mistakes)}
        return Result(self.name, False, mistakes[0], hint(*mistakes), details)

    def ignores_a_hyperparameter(self, setting: Setting) -> Result | None:
        """A rule that takes the same path whatever a hyperparameter is; else None."""
        run = self.candidate.run(self.first, setting)
        for name, value in self.first.hyperparams.items():
            if name in OPTIONAL:
                continue
            probe = probes.with_hyperparams(self.first, **{name: value * 0.8})
            other = self.candidate.run(probe, setting)
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

    def raised(self, run: Run) -> Result:
        """An error of the student's own, or one that comes of the shapes."""
        assert run.error is not None
        if isinstance(run.error, WrongShape):
            return Result(self.name, False, "wrong-shape", str(run.error))
        told = explained(run.error, self.candidate.function)
        alone = self.candidate.run(probes.single(self.rule), run.setting)
        if alone.error is None and alone.path:
            text = f"{HINTS['wrong-shape']} With single numbers it runs; else {told}"
            return Result(self.name, False, "wrong-shape", text)
        return Result(self.name, False, "raises", f"{HINTS['raises']} {told}")

    def departs(self, run: Run) -> Result:
        """Where a rule of no known mistake first parts from the correct one."""
        probe, dtype = run.probe, run.setting.dtype
        make = versions.right(self.rule)[0]
        correct = path(self.candidate.d2l, self.rule, make, probe, dtype)
        yardstick = Yardstick(probe, dtype)
        for t, params in enumerate(run.path, start=1):
            expected = correct.after(t)
            for i, differs in enumerate(yardstick.apart(params, expected)):
                if differs.any():
                    place = tuple(
                        int(k) for k in next(zip(*differs.nonzero(), strict=True))
                    )
                    yours, right = float(params[i][place]), float(expected[i][place])
                    text = (
                        f"No known mistake fits{probe.title}. Your rule departs at "
                        f"step {t}, in parameter {i}, element {list(place)}: there it "
                        f"has {yours:.9g}, and {right:.9g} is right."
                    )
                    details = {
                        **{"step": t, "parameter": i, "element": list(place)},
                        **{"found": yours, "expected": right},
                    }
                    return Result(self.name, False, None, text, details)
        return Result(self.name, False, None, "No known mistake fits.")


def _runs_as_before(setting: Setting, tried: list[Run]) -> bool:
    """Whether a run differed in a step count only, which the rule did not read."""
    return any(
        (run.setting.states, run.setting.dtype) == (setting.states, setting.dtype)
        and "t" not in run.read
        for run in tried
    )
