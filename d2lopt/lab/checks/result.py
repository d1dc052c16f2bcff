"""What a check finds: whether an exercise is solved, and if not, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """The outcome of one exercise. `mistake` is a key of `hints.HINTS`, or None.

    None in a result that did not pass says that no known mistake fits: the hint then
    tells where the numbers part. `details` are plain numbers, strings and lists.
    """

    exercise: str
    passed: bool
    mistake: str | None = None
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The four fields that `d2lopt lab check --json` prints."""
        return {
            "exercise": self.exercise,
            "passed": self.passed,
            "mistake": self.mistake,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        if self.passed:
            return f"{self.exercise}: right."
        name = f" ({self.mistake})" if self.mistake else ""
        return f"{self.exercise}: not yet{name}.\n  {self.hint}"
