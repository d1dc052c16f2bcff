"""The book's cells that train a network on images: one companion for each framework.

The chapter on learning-rate schedules trains LeNet on Fashion-MNIST with names of the
chapter on convolutional networks. The part `images` of a framework's package brings
them to its namespace, and is imported when one of them is first used.
"""

from __future__ import annotations

from importlib import import_module, util
from types import ModuleType
from typing import Any

from ..backend.frameworks import FRAMEWORKS

# What such a part may bring; `init_cnn` and `TrainCallback` are in some tabs only.
NAMES = {
    *("load_data_fashion_mnist", "get_dataloader_workers", "accuracy", "init_cnn"),
    *("evaluate_accuracy_gpu", "train_ch6", "TrainCallback"),
}


def bring(module: ModuleType, name: str) -> Any:
    """What the module's part has under the name; from then on, the module too.

    Raises an AttributeError with one sentence if it has none.
    """
    framework = module.__name__.rpartition(".")[-1]
    part = f"{module.__name__}.images"
    about = f"d2lopt has no d2l.{name} for {FRAMEWORKS[framework].title}"
    if not hasattr(module, "__path__") or util.find_spec(part) is None:
        raise AttributeError(
            f"{about}: its tab of the book has no cells with convolutional networks; "
            "d2lopt.data.fashion.load() gives Fashion-MNIST as arrays."
        )
    found = getattr(import_module(part), name, None)
    if found is None:
        raise AttributeError(f"{about}: in the book, other tabs have it.")
    setattr(module, name, found)
    return found
