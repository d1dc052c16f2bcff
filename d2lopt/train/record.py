"""What to run, and the record that a run leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..backend.environment import installed_version

IMPLEMENTATIONS = ("scratch", "built-in")


@dataclass(frozen=True)
class Spec:
    """What to run, on one backend. `data` is "stand-in" or the path of the file."""

    backend: str
    optimizer: str
    hyperparams: dict[str, float]
    implementations: tuple[str, ...] = IMPLEMENTATIONS
    data: str = "stand-in"
    dtype: str = "float32"
    seed: int = 0
    epochs: int = 2
    batch_size: int = 10
    compile: bool | None = None  # of the scratch one; see `Backend.fold`


@dataclass(frozen=True)
class Record:
    """One run. Losses are ½·MSE over all data; times are in seconds."""

    backend: str
    version: str | None
    optimizer: str
    implementation: str
    hyperparams: dict[str, float]
    data: str
    dtype: str
    seed: int
    epochs: int
    batch_size: int
    call: str | None = None  # a built-in optimizer's, as a person would write it
    loss: float | None = None
    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)  # of the losses
    num_steps: int = 0  # that the run was to take
    seconds_per_epoch: float | None = None  # true wall time, evaluation included
    seconds_compiling: float | None = None
    seconds_importing: float | None = None
    peak_memory_mb: float | None = None  # of the process, so far
    status: str = "ok"  # or "diverged", "missing", "failed"
    message: str = ""

    @property
    def at_epochs(self) -> list[float]:
        """The steps, counted in epochs."""
        return [step * self.epochs / self.num_steps for step in self.steps]


def blank(spec: Spec, implementation: str, status: str, message: str) -> Record:
    """The record of a run that has no losses, and why."""
    return Record(
        backend=spec.backend,
        version=installed_version(spec.backend),
        optimizer=spec.optimizer,
        implementation=implementation,
        hyperparams=spec.hyperparams,
        data="stand-in" if spec.data == "stand-in" else "airfoil",
        dtype=spec.dtype,
        seed=spec.seed,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        status=status,
        message=message,
    )
