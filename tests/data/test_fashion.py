"""Fashion-MNIST and the cells that train on it, with a small set generated here.

Ten patterns with noise stand for the ten classes. The real files and addresses are not
used: what is checked of a download is what happens with right, wrong and no answers.
"""

import gzip
import hashlib
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import d2lopt
from d2lopt.backend.arrays import numpy_of
from d2lopt.book import images, missing, plot
from d2lopt.data import fashion
from d2lopt.errors import InputError

CELLS = Path(__file__).parents[1] / "book" / "cells"
TRAIN_X, TRAIN_Y, TEST_X, TEST_Y = fashion.names()


def idx(array):
    """The array of bytes in the IDX format."""
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def write(folder, n_train=600, n_test=200):
    """Four valid files of few images, of which a network tells the classes easily."""
    rng = np.random.default_rng(0)
    patterns = np.kron(rng.integers(0, 2, (10, 7, 7)), np.ones((4, 4)))
    folder.mkdir(parents=True, exist_ok=True)
    for kind, n in (("train", n_train), ("t10k", n_test)):
        y = rng.integers(0, 10, n).astype(np.uint8)
        X = patterns[y] * 160 + rng.normal(40, 30, (n, 28, 28))
        X = X.clip(0, 255).astype(np.uint8)
        pairs = (f"{kind}-images-idx3-ubyte.gz", X), (f"{kind}-labels-idx1-ubyte.gz", y)
        for name, array in pairs:
            (folder / name).write_bytes(gzip.compress(idx(array), mtime=0))
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    return write(tmp_path_factory.mktemp("small"))


@pytest.fixture
def given(small, monkeypatch):
    """The small set, named by the variable."""
    monkeypatch.setenv(fashion.VARIABLE, str(small))
    return small


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No file and no address; what is published is the small set."""
    monkeypatch.delenv(fashion.VARIABLE, raising=False)
    monkeypatch.setattr(fashion, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(fashion, "CHECKOUT", tmp_path / "checkout")
    folder = write(tmp_path / "published", 30, 10)
    sums = {
        name: hashlib.md5((folder / name).read_bytes()).hexdigest()
        for name in fashion.names()
    }
    about = {"md5": sums, "addresses": ["http://127.0.0.1:9/"]}
    monkeypatch.setattr(fashion, "description", lambda: about)
    return tmp_path


# ------------------------------------------------------ the cells, and what they use


@pytest.fixture(autouse=True)
def _all_figures_closed():
    yield
    plot.pyplot().close("all")


def has_companion(backend):
    return (Path(d2lopt.__file__).parent / backend / "images.py").exists()


def only_with_companion(backend):
    if not has_companion(backend):
        pytest.skip("no edition has such cells for it: see the sentence that it says")


@pytest.mark.slow
def test_the_cells_train_in_order_far_above_chance(d2l, backend, given, capsys):
    only_with_companion(backend)
    path = CELLS / f"{backend}_schedules.py"
    namespace = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Keras says this of each data set that net.fit is given as its manual tells.
        warnings.filterwarnings("ignore", "`shuffle=True` was passed")
        for cell in re.split(r"^# %%.*\n", path.read_text(), flags=re.M):
            exec(compile(cell, path.name, "exec"), namespace)
    out = capsys.readouterr().out
    shares = [float(x) for x in re.findall(r"test acc ([\d.]+)", out)]
    assert len(shares) == 5
    assert min(shares) > 0.6, out
    losses = [float(x) for x in re.findall(r"loss ([\d.]+)", out)]
    assert max(losses) < 1.5, out  # chance is ln 10 = 2.3
    assert re.search(r"[\d.]+ examples/sec on .*cpu", out, re.I)
    plot.studio.finish()
    assert list(Path("out").glob("*.png"))


def test_the_images_are_what_the_framework_calls_data(d2l, backend, given):
    only_with_companion(backend)
    train, test = d2l.load_data_fashion_mnist(batch_size=64)
    assert type(train).__module__.split(".")[0] == backend
    assert (len(train), len(test)) == (10, 4)
    stored = fashion.load()
    batches = [(numpy_of(X), numpy_of(y)) for X, y in test]
    X, y = batches[0]
    shape = [64, 28, 28]
    shape.insert(X.shape.index(1), 1)  # the channel: second or last
    assert list(X.shape) == shape
    assert X.dtype == np.float32
    assert np.issubdtype(y.dtype, np.integer)
    found = np.concatenate([X.reshape(-1, 28, 28) for X, _ in batches])
    np.testing.assert_allclose(found, stored[1].X / np.float32(255), rtol=1e-6)
    labels = np.concatenate([y.reshape(-1) for _, y in batches])
    np.testing.assert_array_equal(labels, stored[1].y)
    epochs = [
        np.concatenate([numpy_of(X).reshape(-1, 784) for X, _ in train])
        for _ in range(2)
    ]
    assert (epochs[0] != epochs[1]).any()  # another order in each
    for rows in epochs:  # and in each, every image once
        np.testing.assert_allclose(
            np.sort(rows.sum(1)),
            np.sort(stored[0].X.reshape(-1, 784).sum(1) / 255),
            rtol=1e-4,
        )


def test_images_are_resized_as_pillow_does(d2l, backend, given):
    only_with_companion(backend)
    from PIL import Image  # of matplotlib's requirements

    _, test = d2l.load_data_fashion_mnist(batch_size=8, resize=48)
    X = numpy_of(next(iter(test))[0]).reshape(8, 48, 48)
    for image, found in zip(fashion.load()[1].X[:8], X, strict=True):
        bilinear = Image.fromarray(image).resize((48, 48), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(found, np.asarray(bilinear) / 255, atol=1.01 / 255)
    _, test = d2l.load_data_fashion_mnist(4, resize=(32, 40))
    shape = list(next(iter(test))[0].shape)
    shape.remove(1)
    assert shape == [4, 32, 40]
    with pytest.raises(InputError, match=r"resize must be .* got \(1, 2, 3\)"):
        d2l.load_data_fashion_mnist(4, resize=(1, 2, 3))


def test_accuracy_counts(d2l, backend):
    only_with_companion(backend)
    scores = d2l.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert d2l.accuracy(scores, d2l.tensor([1, 1, 1])) == 2
    assert d2l.accuracy(scores, d2l.tensor([[1], [0], [1]])) == 3
    assert d2l.accuracy(d2l.tensor([1, 0, 0]), d2l.tensor([1, 1, 0])) == 2
    assert d2l.get_dataloader_workers() == 0


def test_a_name_without_companion_is_one_sentence(d2l, backend):
    absent = {"TrainCallback", "init_cnn"}
    for name in absent if has_companion(backend) else images.NAMES:
        if not hasattr(d2l, name):
            with pytest.raises(AttributeError, match=rf"no d2l\.{name} for ") as caught:
                getattr(d2l, name)
            assert len(str(caught.value)) < 200
    assert has_companion(backend) == hasattr(d2l, "train_ch6")
    assert not images.NAMES & missing.PART.keys()


def test_absent_data_is_one_sentence_with_the_remedy(d2l, backend, nowhere):
    only_with_companion(backend)
    with pytest.raises(InputError, match=r"is not here, .*set D2LOPT_FASHION_MNIST to"):
        d2l.load_data_fashion_mnist(batch_size=256)


@pytest.mark.processes
def test_a_module_that_is_imported_brings_no_companion():
    code = (
        "from d2lopt import torch as d2l; import sys\n"
        "parts = {'d2lopt.data.fashion', 'd2lopt.torch.images'}\n"
        "known = lambda: parts & set(sys.modules)\n"
        "assert not known(), known()\n"
        "d2l.accuracy; assert 'accuracy' in vars(d2l); print(len(known()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "2", run.stderr


# -------------------------------------------------------------------------- the content


def test_a_folder_that_is_named_is_read(given):
    train, test = fashion.load()
    assert (train.X.shape, train.y.shape) == ((600, 28, 28), (600,))
    assert (test.X.shape, test.y.shape) == ((200, 28, 28), (200,))
    assert train.X.dtype == train.y.dtype == np.uint8
    assert set(train.y) == set(range(10))


def test_unpacked_files_are_read_too(small, monkeypatch, tmp_path):
    for path in small.iterdir():
        plain = gzip.decompress(path.read_bytes())
        (tmp_path / path.name.removesuffix(".gz")).write_bytes(plain)
    monkeypatch.setenv(fashion.VARIABLE, str(tmp_path))
    assert fashion.load()[1].X.shape == (200, 28, 28)


IMAGES = idx(np.zeros((2, 28, 28), np.uint8))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (TRAIN_X, b"", "it is empty"),
        (TRAIN_X, b"<!DOCTYPE html><title>404</title>", "it is a web page"),
        (TRAIN_X, gzip.compress(b"<html>"), "it is a web page"),
        (TRAIN_X, gzip.compress(IMAGES)[:-20], r"cut off or damaged \(gzip\)"),
        (TRAIN_X, b"\x1f\x8b" + b"?" * 50, r"cut off or damaged \(gzip\)"),
        (TRAIN_X, IMAGES[:-5], "it has 1563 bytes where 1568 belong .it is cut off"),
        (TRAIN_X, IMAGES + b"\0", "it has 1569 bytes where 1568 belong"),
        (TRAIN_X, IMAGES[:7], "it does not begin as an IDX file with 3 axes"),
        (TRAIN_X, idx(np.zeros(5, np.uint8)), "does not begin as an IDX file with 3"),
        (TEST_Y, IMAGES, "does not begin as an IDX file with 1 axes"),
        (TEST_X, idx(np.zeros((2, 32, 32), np.uint8)), "its images are 32 by 32"),
        (TEST_Y, idx(np.array([1, 10], np.uint8)), "it has the label 10, not 0 to 9"),
        (TRAIN_Y, idx(np.zeros(599, np.uint8)), "600 images and 599 labels"),
        (TRAIN_Y, None, "No such file"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_what_is_wrong_is_said(small, monkeypatch, tmp_path, name, content, reason):
    for path in small.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv(fashion.VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match=reason) as caught:
        fashion.load()
    assert str(tmp_path) in str(caught.value)


# --------------------------------------------------------------------------- finding it


def test_the_folder_that_is_named_is_never_replaced(nowhere, monkeypatch):
    write(nowhere / "cache" / "fashion-mnist", 30, 10)
    assert fashion.load()[0].y.shape == (30,)
    monkeypatch.setenv(fashion.VARIABLE, str(nowhere / "gone"))
    with pytest.raises(InputError, match="gone.*D2LOPT_FASHION_MNIST must name"):
        fashion.load()


def test_elsewhere_only_what_was_published_is_used(nowhere):
    folder = write(nowhere / "checkout" / "data" / "fashion-mnist", 30, 10)
    assert fashion.load()[0].y.shape == (30,)
    other = gzip.compress(idx(np.zeros((10, 28, 28), np.uint8)))
    (folder / TEST_X).write_bytes(other)
    with pytest.raises(InputError, match=r"its bytes are others .MD5 .*; remove it"):
        fashion.load()


def test_the_description_is_whole():
    about = fashion.describe("fashion_mnist.json")
    assert len(about["md5"]) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in about["md5"].values())
    assert all(re.fullmatch("https?://.*/", a) for a in about["addresses"])
    assert json.dumps(about).count("ubyte.gz") == 4


# ----------------------------------------------------------------------------- download


@pytest.fixture
def serve():
    """serve(answer): an address here that answers with answer(name of the file)."""
    servers, asked = [], []

    def start(answer, cut=False):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[-1]
                asked.append(name)
                content = answer(name)
                self.send_response(404 if content is None else 200)
                content = content or b""
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if cut else content)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    start.asked = asked
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_address_after_the_other_until_all_four_are_here(nowhere, serve):
    published = lambda name: (nowhere / "published" / name).read_bytes()
    wrong = lambda name: gzip.compress(idx(np.zeros(3, np.uint8)))
    partly = lambda name: published(name) if name == TRAIN_X else None
    fashion.description()["addresses"] = [
        "http://127.0.0.1:9/",
        serve(lambda name: b"<html>an error page, with status 200</html>"),
        serve(published, cut=True),
        serve(wrong),
        serve(partly),
        serve(published),
    ]
    train, test = fashion.load()
    assert (len(train.y), len(test.y)) == (30, 10)
    folder = nowhere / "cache" / "fashion-mnist"
    assert sorted(p.name for p in folder.iterdir()) == sorted(fashion.names())
    assert serve.asked.count(TRAIN_X) == 4  # what was there was not fetched again
    asked = len(serve.asked)
    assert fashion.load()[0].y.shape == (30,)
    assert len(serve.asked) == asked


def test_what_no_address_has_leaves_nothing(nowhere, serve):
    html, other = serve(lambda _: b"<html>oops</html>"), serve(lambda _: IMAGES)
    fashion.description()["addresses"] = [html, other]
    with pytest.raises(InputError, match="it is a web page.*its bytes are others"):
        fashion.load()
    assert list((nowhere / "cache" / "fashion-mnist").iterdir()) == []


def test_an_address_that_never_answers_costs_seconds_once(nowhere, monkeypatch, serve):
    monkeypatch.setattr(fashion, "READ", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        fashion.description()["addresses"] = [
            f"http://127.0.0.1:{silent.getsockname()[1]}/",
            serve(lambda name: (nowhere / "published" / name).read_bytes()),
        ]
        begun = time.monotonic()
        assert fashion.load()[1].y.shape == (10,)
        assert time.monotonic() - begun < 3  # not once for each of the files
