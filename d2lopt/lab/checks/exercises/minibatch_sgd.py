"""The exercises of the chapter on minibatches."""

from __future__ import annotations

from ..numbers import Numbers
from .exercise import Exercise, rule

EPOCH_STEPS = Exercise(
    "num_steps",
    "n, batch_size, num_epochs, three whole numbers",
    "how many steps the training takes, the last batch of an epoch being smaller",
    Numbers(
        lambda n, size, epochs: epochs * -(-n // size),
        [(1500, 10, 2), (1500, 7, 3), (10, 20, 1), (9, 9, 4)],
        [
            ("rounded-down", lambda n, size, epochs: epochs * (n // size)),
            ("rounded-down", lambda n, size, epochs: epochs * n // size),
            ("rounding-missing", lambda n, size, epochs: epochs * n / size),
            ("rounded-late", lambda n, size, epochs: -(-epochs * n // size)),
            ("epochs-missing", lambda n, size, epochs: -(-n // size)),
        ],
    ),
)

BATCH_VARIANCE = Exercise(
    "batch_variance",
    "n, size: the number of rows, and of those that are drawn without replacement",
    "the variance of the mean of the rows drawn, where that of single ones is 1",
    Numbers(
        lambda n, size: (n - size) / (n - 1) / size,
        [(1500, 1), (1500, 10), (1500, 1500), (20, 7)],
        [
            ("with-replacement", lambda n, size: 1 / size),
            ("mean-missing", lambda n, size: (n - size) / (n - 1)),
            ("one-missing", lambda n, size: (n - size) / n / size),
        ],
    ),
)

EXERCISES = [rule("sgd"), EPOCH_STEPS, BATCH_VARIANCE]
