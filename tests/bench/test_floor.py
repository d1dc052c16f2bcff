"""What one large step costs: the floor of the machine, and every variant beside it."""

import time

import numpy as np
import pytest

from d2lopt.bench import floor, large
from d2lopt.bench.epoch import seconds_of_an_epoch
from d2lopt.errors import InputError


def test_the_floor_is_a_loop_that_takes_time():
    loop = floor.Floor(10_000)
    start = time.perf_counter()
    loop()
    assert 0 < time.perf_counter() - start < 1
    loop = floor.Floor(1000, "float64")
    p, g, s = loop.job[1]
    before = [p.copy(), s.copy()]
    loop()
    np.testing.assert_array_equal(p, before[0] - g)
    np.testing.assert_array_equal(s, before[1] + g)


def test_a_step_of_each_variant_is_measured(d2l, backend):
    found = large.measure(d2l, 10_000, repeat=2)
    own = [name for name in found.variants if name.startswith("built-in")]
    assert list(found.variants)[:2] == ["plain", "compiled"]
    assert bool(own) == (backend != "numpy")
    assert found.floor > 0
    for variant in found.variants.values():
        assert variant.seconds / found.floor > 0
        assert variant.seconds_first >= 0


@pytest.mark.parametrize(
    "made", [lambda: floor.Floor(10), lambda: seconds_of_an_epoch(10, 1, "stand-in")]
)
def test_a_floor_without_numba_says_what_to_install(made, monkeypatch):
    monkeypatch.setattr(floor, "numba", lambda: None)
    with pytest.raises(InputError, match=r"pip install 'd2lopt\[fast\]'"):
        made()
