"""Whether each backend works here, and the command that mends it if not."""

from __future__ import annotations

from ..backend.environment import is_installed, pip_command, unavailable
from ..backend.frameworks import FRAMEWORKS
from ..rules.optimizers import RULES
from ..show.screen import Progress
from ..show.table import Table
from ..train.record import Spec
from .compare import run_all


def examine(limit: float, progress: Progress) -> list[dict[str, str | None]]:
    """For each backend: its `version`, `status`, `cause` and `remedy`, if there is one.

    The status is "works" if the backend really took a step, from scratch and with its
    own optimizer; else "missing" or "broken", with the `cause`.
    """
    spec = Spec(
        "", "rmsprop", dict(RULES["rmsprop"].hyperparams), epochs=1, batch_size=1500
    )
    here = [name for name in FRAMEWORKS if is_installed(name)]
    records = run_all(spec, here, limit=limit, progress=progress)
    answers: list[dict[str, str | None]] = []
    for name in FRAMEWORKS:
        runs = [r for r in records if r.backend == name]
        failed = [r for r in runs if r.status not in ("ok", "missing")]
        answer: dict[str, str | None] = {
            "backend": name,
            "version": runs[0].version if runs else None,
            "status": "broken" if failed else "works" if runs else "missing",
            "cause": failed[0].message if failed else None,
            "remedy": None,
        }
        if not runs:
            answer["cause"] = unavailable(name)
            answer["remedy"] = None if answer["cause"] else pip_command(name)
        elif failed and "--limit" not in failed[0].message:
            answer["remedy"] = pip_command(name, mend=True)
        answers.append(answer)
    return answers


def table(answers: list[dict[str, str | None]]) -> Table:
    """The answers of `examine`, with the causes and remedies below."""
    table = Table("backends", ["backend", "version", "a step of rmsprop"])
    for answer in answers:
        title = FRAMEWORKS[str(answer["backend"])].title
        table.row(title, answer["version"] or "–", str(answer["status"]))
        if answer["cause"]:
            table.note(f"{title}: {answer['cause']}")
        if answer["remedy"]:
            table.note(f"{title}: {answer['remedy']}")
    return table
