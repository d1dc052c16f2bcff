"""Handwritten digits, for an exercise that trains a classifier within a lab hour."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def load(d2l: Any) -> list[Any] | None:
    """[X, Y, X of the test, labels of the test]; None, with a sentence, if not there.

    The digits are scikit-learn's: 1797 images of 8 × 8 pixels, here with values from 0
    to 1. X is a tensor (1437, 64), Y the one-hot labels (1437, 10), the test the other
    360 images, and their labels a NumPy array (360,).
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        print(
            "The digits come with scikit-learn, which is not installed: "
            f"{sys.executable} -m pip install scikit-learn"
        )
        return None
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels, labels = pixels[order] / 16, labels[order]
    train = len(pixels) * 4 // 5
    return [
        d2l.tensor(pixels[:train]),
        d2l.tensor(np.eye(10)[labels[:train]]),
        d2l.tensor(pixels[train:]),
        labels[train:],
    ]
