"""Where figures are shown, and how they are saved.

matplotlib is imported when the first figure is begun, and not before.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_whole, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pyplot() -> Any:
    """matplotlib.pyplot, imported now."""
    import matplotlib.pyplot as plt

    return plt


def in_kernel() -> bool:
    """Whether this process runs a notebook's cells."""
    return "ipykernel" in sys.modules


def in_notebook() -> bool:
    """Whether figures appear inline, below the cell that draws them."""
    return in_kernel() and "inline" in pyplot().get_backend()


def has_window() -> bool:
    """Whether matplotlib can open a window here."""
    from matplotlib.backends import BackendFilter, backend_registry

    interactive = backend_registry.list_builtin(BackendFilter.INTERACTIVE)
    return pyplot().get_backend().lower() in interactive


STAND_IN = "data: generated stand-in"  # what every figure of such numbers says


def mark_stand_in(figure: Figure, data: str) -> None:
    """Write into the corner that the numbers are generated, if `data` is "stand-in"."""
    if data == "stand-in":
        figure.text(0.005, 0.005, STAND_IN, fontsize="x-small")


def save(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write folder/stem.svg and .png, each whole or not at all.

    Raises InputError if the folder cannot be written.
    """
    paths = [folder / f"{stem}.{kind}" for kind in ("svg", "png")]
    import numpy as np

    # matplotlib's ticks go beyond the largest float where a loss is near it.
    with writing(f"into {folder}"), np.errstate(over="ignore"):
        folder.mkdir(parents=True, exist_ok=True)
        engine = figure.get_layout_engine()
        for path in paths:
            picture = BytesIO()
            figure.savefig(picture, dpi=160, format=path.suffix[1:])
            write_whole(path, picture.getvalue())
            figure.set_layout_engine("none")  # the second takes the first one's layout
        figure.set_layout_engine(engine)
    return paths
