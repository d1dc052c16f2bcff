"""How the suite runs: every backend in a process of its own.

A test that takes `backend` (or `d2l`, its module) runs once for each backend, and all
tests of a backend run in one of pytest-xdist's workers. `pytest --backend torch` runs
one backend's tests and no others, `--house` those that need none, and `-m "not slow"`
leaves out what takes long.
"""

import os
from pathlib import Path

import hypothesis
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
# A deadline would hold the machine to it, not the code.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")
# The workers share the cores: threads of theirs would wait for one another, spinning.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

MORE_WORKERS = 3  # beside those of the backends, when all tests run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        choices=list(FRAMEWORKS),
        help="only its tests; may be given several times",
    )
    parser.addoption(
        "--house",
        action="store_true",
        help="only the tests that take no backend, start no process and open no page; "
        "with --backend, besides its tests",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "processes: starts processes of its own")
    config.addinivalue_line(
        "markers", "slow: takes long (chapters, labs, compilers); not in `make quick`"
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """So many that no worker ever sees two frameworks.

    Each takes the tests of one backend first, as xdist begins with the largest groups;
    the tests of no backend go one by one to whichever worker is free.
    """
    backends = config.getoption("--backend")
    if backends or config.getoption("--house"):
        return len(backends or [""])
    return len(FRAMEWORKS) + MORE_WORKERS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames:
        return
    parameters = []
    for name in metafunc.config.getoption("--backend") or FRAMEWORKS:
        marks = [pytest.mark.xdist_group(name)]
        if not environment.is_installed(name):
            marks.append(pytest.mark.skip(reason=environment.how_to_install(name)))
        parameters.append(pytest.param(name, marks=marks))
    metafunc.parametrize("backend", parameters, scope="session")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    backends, house = config.getoption("--backend"), config.getoption("--house")

    def asked_for(item: pytest.Item) -> bool:
        if "backend" in item.fixturenames:
            return bool(backends)
        alone = not item.get_closest_marker("processes")
        return house and alone and "page" not in item.fixturenames

    if backends or house:
        items[:] = [item for item in items if asked_for(item)]


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


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """stub(name, body): a module in the way of the real package, in every child."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)

    def write(name, body):
        (folder / f"{name}.py").write_text(body)

    return write


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a test writes without being told where, it writes where nobody looks."""
    monkeypatch.chdir(tmp_path)
    yield
    if plot.studio.current is not None:
        plot.pyplot().close(plot.studio.current)
        plot.studio.current = None
