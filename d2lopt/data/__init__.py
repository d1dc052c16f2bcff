"""The data sets: NASA's airfoil measurements, and Fashion-MNIST.

`load` gives the airfoil data, or the stand-in for them; `fetch.py` brings published
files here and verifies them. Their descriptions are in the top folder `data/`.
"""

from .airfoil import Dataset, description, load

__all__ = ["Dataset", "description", "load"]
