"""How the suite runs: every backend in a process of its own.

A test that takes `backend` (or `d2l`, its module) runs once for each backend. All tests
of a backend form one group, the others groups of their own, and pytest-xdist gives each
group a worker process. `pytest --backend torch` runs one backend's tests and no others.
"""

import os
from pathlib import Path

import pytest
from browser import browser, page  # noqa: F401  (fixtures, for every test)

from d2lopt.backend import environment
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.backend.load import load
from d2lopt.book import plot

AIRFOIL = Path(__file__).parents[2] / "shared" / "data" / "airfoil_self_noise.dat"
if AIRFOIL.exists():
    os.environ.setdefault("D2LOPT_DATA", str(AIRFOIL))
os.environ["MPLBACKEND"] = "Agg"
# The workers share the cores: threads of theirs would wait for one another, spinning.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

GROUPS = [*FRAMEWORKS, "house", "processes", "browser"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", choices=list(FRAMEWORKS), help="only its tests")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "processes: starts processes of its own")


def pytest_xdist_auto_num_workers() -> int:
    """One worker for each group: no worker ever sees two frameworks."""
    return len(GROUPS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames:
        return
    only = metafunc.config.getoption("--backend")
    parameters = []
    for name in [only] if only else FRAMEWORKS:
        marks = [pytest.mark.xdist_group(name)]
        if not environment.is_installed(name):
            marks.append(pytest.mark.skip(reason=environment.how_to_install(name)))
        parameters.append(pytest.param(name, marks=marks))
    metafunc.parametrize("backend", parameters, scope="session")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    kept = []
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            if config.getoption("--backend"):
                continue
            group = "processes" if item.get_closest_marker("processes") else "house"
            group = "browser" if "page" in item.fixturenames else group
            item.add_marker(pytest.mark.xdist_group(group))
        kept.append(item)
    items[:] = kept


in_this_process: set[str] = set()


@pytest.fixture(scope="session")
def d2l(backend: str):
    """The namespace of the backend under test: the only one in this process."""
    in_this_process.add(backend)
    if in_this_process != {backend}:
        pytest.exit(
            f"{sorted(in_this_process)} in one process would crash it: run pytest with "
            "its workers, or choose one with --backend."
        )
    return load(backend)


@pytest.fixture(scope="session")
def oracle():
    """NumPy, in the same process: what every backend is held against."""
    return load("numpy")


@pytest.fixture
def airfoil() -> Path:
    """The real file; the test is skipped where it is not to be had."""
    path = os.environ.get("D2LOPT_DATA")
    if not path:
        pytest.skip("the airfoil file is not here: set D2LOPT_DATA to its path")
    return Path(path)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a test writes without being told where, it writes where nobody looks."""
    monkeypatch.chdir(tmp_path)
    yield
    if plot.studio.current is not None:
        plot.pyplot().close(plot.studio.current)
        plot.studio.current = None
