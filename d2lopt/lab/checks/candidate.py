"""A student's function that should be a rule, run over probes and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...backend.load import load
from ..catalogue import versions
from ..catalogue.versions import Make
from .guard import globals_kept
from .limits import limit
from .paths import Path, path
from .probes import OPTIONAL, Array, Probe
from .settings import Setting
from .trial import Trial, call_of
from .yardstick import Yardstick


@dataclass
class Run:
    """What came of the student's rule on one probe, called in one setting."""

    probe: Probe
    setting: Setting
    path: list[list[Array]] = field(default_factory=list)  # the parameters, each step
    error: BaseException | None = None
    touched: tuple[bool, ...] = ()  # which states changed, see Trial.touched
    replaced: bool = False  # whether states were replaced, see Trial.replaced
    read: set[str] = field(default_factory=set)  # the hyperparameters that it read


class Candidate:
    """A student's function that should be the rule of that name in RULES.

    Raises InputError if its arguments are those of no rule.
    """

    def __init__(self, rule: str, function: Any, d2l: Any) -> None:
        self.rule, self.function, self.d2l = rule, function, d2l
        self.call = call_of(d2l, function)

    def run(self, probe: Probe, setting: Setting) -> Run:
        """Run it over the probe, from the start; what it raises is in the run.

        Raises OutOfTime if it does not come to its end.
        """
        run = Run(probe, setting)
        with globals_kept(self.function):
            trial = Trial(self.d2l, self.call, probe, setting, OPTIONAL)
            try:
                with limit():
                    for _ in probe.grads:
                        run.path.append(trial.step())
            except (Exception, SystemExit) as error:
                run.error = error
            run.touched, run.replaced = trial.touched, trial.replaced
            run.read = trial.hyperparams.read
        return run

    def is_right(
        self, run: Run, probe: Probe | None = None, rounded: str | None = None
    ) -> bool:
        """Whether the run is that of a correct version; see `follows`."""
        return any(
            self.follows(make, run, probe, rounded)
            for make in versions.right(self.rule)
        )

    def follows(
        self,
        make: Make,
        run: Run,
        probe: Probe | None = None,
        rounded: str | None = None,
        on: str | None = None,
    ) -> Path | None:
        """The path of that version of the rule if the run took it too, else None.

        Args:
            probe: where the version runs, if on another than the run's.
            rounded: the type whose rounding is allowed, if not that of the run.
            on: the framework that computes the version, if not the student's.
        """
        probe, dtype = probe or run.probe, run.setting.dtype
        d2l = load(on) if on else self.d2l
        of_version = path(d2l, self.rule, make, probe, dtype)
        yardstick = Yardstick(probe, rounded or dtype)
        for t, params in enumerate(run.path, start=1):
            if not yardstick.same(params, of_version.after(t)):
                return None
        return of_version
