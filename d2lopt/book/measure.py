"""What a training loop measures: how long it takes, and sums over its minibatches."""

from __future__ import annotations

import time

from ..backend.arrays import number


class Timer:
    """Seconds, from each `start()` (the first is at once) to its `stop()`."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Begin an interval."""
        self._begun = time.perf_counter()

    def stop(self) -> float:
        """End the interval; return how long it was."""
        self.times.append(time.perf_counter() - self._begun)
        return self.times[-1]

    def avg(self) -> float:
        """The mean interval."""
        return self.sum() / len(self.times)

    def sum(self) -> float:
        """All intervals together."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """The sum up to each interval, itself included."""
        return [sum(self.times[: i + 1]) for i in range(len(self.times))]


class Accumulator:
    """n sums that grow together: `add(a, b)`, then `[0]` and `[1]`."""

    def __init__(self, n: int) -> None:
        self.data = [0.0] * n

    def add(self, *values: object) -> None:
        """Add one number, or tensor of one number, to each sum."""
        new = zip(self.data, values, strict=True)
        self.data = [total + number(value) for total, value in new]

    def reset(self) -> None:
        """All sums are 0 again."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index: int) -> float:
        return self.data[index]
