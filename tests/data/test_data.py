"""The airfoil file: verified, diagnosed, downloaded; and what stands in for it."""

import contextlib
import http.server
import os
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.data import airfoil as data
from d2lopt.errors import InputError


def fake(rows=1503, cell="1.5"):
    """A table of the right form with the wrong numbers."""
    return "\n".join("\t".join([cell] * 6) for _ in range(rows)).encode() + b"\n"


# ------------------------------------------------------------------------ the real file


def test_both_line_ends_are_accepted(airfoil):
    content = airfoil.read_bytes()
    crlf = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    tables = [data.parse(c) for c in (crlf, crlf.replace(b"\r\n", b"\n"))]
    assert tables[0].shape == (1503, 6)
    np.testing.assert_array_equal(*tables)
    assert tables[0][0].tolist() == [800, 0, 0.3048, 71.3, 0.00266337, 126.201]


def test_whitened_and_the_optimum(airfoil):
    dataset = data.load(str(airfoil))
    assert (dataset.X.shape, dataset.y.shape) == ((1500, 5), (1500,))
    assert (dataset.name, dataset.note) == ("airfoil", None)
    assert optimum(dataset) == pytest.approx(0.241688, abs=5e-7)
    X, y = data.whiten(data.read(airfoil))
    np.testing.assert_allclose(np.c_[X, y].mean(0), 0, atol=0.01)


def test_the_27_figures_are_those_of_the_file(airfoil):
    rows = np.c_[data.whiten(data.read(airfoil))]
    figures = data.description()["whitened"]
    np.testing.assert_allclose(rows.mean(0), figures["mean"], rtol=1e-9)
    covariance = np.cov(rows.T, bias=True)
    for i, row in enumerate(figures["covariance"]):
        np.testing.assert_allclose(covariance[i, : i + 1], row, rtol=1e-9)


@pytest.mark.parametrize("keep", [0, 1, 100, 30_000, 59_000])
def test_a_truncated_file_says_so(airfoil, tmp_path, keep):
    part = tmp_path / "part.dat"
    part.write_bytes(airfoil.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"part\.dat is not .*(empty|cut off)"):
        data.read(part)


def test_another_number_is_another_file(airfoil, tmp_path):
    content = airfoil.read_bytes().replace(b"126.201", b"126.202", 1)
    with pytest.raises(InputError, match="its numbers are others .SHA-1"):
        data.parse(content)


@pytest.mark.parametrize("separator", [b" ", b",", b";", b", ", b" \t"])
def test_other_separators_are_not_other_numbers(airfoil, separator):
    content = airfoil.read_bytes().replace(b"\t", separator)
    with pytest.raises(InputError, match="its numbers are right, but one tab belongs"):
        data.parse(content)
    lines = airfoil.read_bytes().strip()  # the last line has no end
    with pytest.raises(InputError, match="right, .* a line end after each line"):
        data.parse(lines)


# ------------------------------------------------------------------------ other content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"  \n", "it is empty"),
        (b"<!DOCTYPE html><title>404</title>", "it is a web page"),
        (fake(cell="x"), "line 1 has 'x' where a number belongs"),
        (fake(cell="nan"), "line 1 has 'nan' where a number belongs"),
        (b"1\t2\t3\n" * 1503, "line 1 has 3 columns, not 6"),
        (fake(1000), "it is cut off after 1000 of 1503 lines"),
        (fake(1502) + b"1\t2\t3\t4", "line 1503 has 4 columns"),
        (fake(1504), "it has 1504 lines, not 1503"),
        (fake(), "its numbers are others"),
        (b"\xff\xfe\x00" * 10, "line 1 has 1 columns"),
    ],
)
def test_what_is_wrong_is_said(content, reason):
    with pytest.raises(InputError, match=reason):
        data.parse(content, "here")


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_no_content_is_taken_for_the_file_or_ends_in_another_error(content):
    with pytest.raises(InputError, match="here is not the airfoil file: .+"):
        data.parse(content, "here")


@given(
    st.lists(
        st.lists(st.floats() | st.text("0123456789.-e\t ", max_size=5), max_size=8),
        max_size=30,
    )
)
def test_no_table_is_taken_for_the_file(rows):
    content = "\n".join("\t".join(map(str, row)) for row in rows).encode()
    with pytest.raises(InputError, match="is not the airfoil file: .+"):
        data.parse(content)


# --------------------------------------------------------------------------- finding it


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.dat: No such file"):
        data.load(str(tmp_path / "none.dat"))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "large"])
def test_what_is_no_file_or_too_large_is_refused_at_once(kind, tmp_path, monkeypatch):
    path = tmp_path / "airfoil.dat"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"0" * (data.MOST.size + 1))
    said = {
        "pipe": f"cannot read {path}: it is a pipe or a device, no file.",
        "device": f"cannot read {path}: it is a pipe or a device, no file.",
        "folder": f"cannot read {path}: Is a directory.",
        "large": f"{path} is not the airfoil file: it is larger than 1 MB.",
    }
    monkeypatch.setenv("D2LOPT_DATA", str(path))
    with pytest.raises(InputError) as caught:
        data.load("auto")
    assert str(caught.value) == said[kind]


def test_the_variable_names_the_file_and_is_never_replaced(monkeypatch, tmp_path):
    monkeypatch.setenv("D2LOPT_DATA", str(tmp_path / "gone.dat"))
    for source in ("auto", "airfoil"):
        with pytest.raises(InputError, match=r"gone\.dat"):
            data.load(source)


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    """Neither a file nor an address that answers."""
    monkeypatch.delenv("D2LOPT_DATA", raising=False)
    monkeypatch.setattr(data, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(data, "CHECKOUT", tmp_path)
    addresses = ["http://127.0.0.1:9/airfoil.dat"]
    about = data.description() | {"addresses": addresses}
    monkeypatch.setattr(data, "description", lambda: about)
    return tmp_path


@pytest.mark.parametrize("source", ["auto", "stand-in"])
def test_the_source_of_a_data_set_gives_it_again(source, airfoil, nothing_here):
    for dataset in (data.load(source), data.load(str(airfoil))):
        again = data.load(dataset.source)
        assert (again.name, again.source) == (dataset.name, dataset.source)
        np.testing.assert_array_equal(again.X, dataset.X)
        np.testing.assert_array_equal(again.y, dataset.y)


def test_auto_takes_the_stand_in_and_says_so(nothing_here):
    dataset = data.load("auto")
    assert dataset.name == "stand-in"
    assert "generated stand-in" in dataset.note


def test_airfoil_by_name_is_an_error_with_the_remedy(nothing_here):
    with pytest.raises(
        InputError, match=r"no address gave .*--data PATH .*D2LOPT_DATA"
    ):
        data.load("airfoil")


def test_a_damaged_file_in_the_cache_is_an_error_that_names_it(nothing_here):
    cached = nothing_here / "cache" / "airfoil_self_noise.dat"
    cached.parent.mkdir()
    cached.write_bytes(fake(10))
    with pytest.raises(InputError, match=f"{cached} is not the airfoil file"):
        data.load("auto")


# ----------------------------------------------------------------------------- download


@pytest.fixture
def serve():
    """serve(content, cut=False): an address here that answers with the content."""
    servers = []

    def start(content, cut=False, status=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if cut else content)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/airfoil.dat"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_first_address_that_has_the_file_is_taken(airfoil, serve, tmp_path):
    content = airfoil.read_bytes()
    addresses = [
        "http://127.0.0.1:9/refused",
        serve(b"gone", status=404),
        serve(b"<html>an error page, with status 200</html>"),
        serve(content, cut=True),
        serve(content),
    ]
    to = tmp_path / "cache" / "file.dat"
    assert data.download(addresses, to) == to
    assert to.read_bytes() == content
    assert [p.name for p in to.parent.iterdir()] == ["file.dat"]


def test_what_no_address_has_leaves_nothing(serve, tmp_path):
    to = tmp_path / "cache" / "file.dat"
    addresses = [serve(b"<html>oops</html>"), serve(fake(), cut=True)]
    with pytest.raises(InputError, match="it is a web page") as caught:
        data.download(addresses, to)
    assert str(caught.value).count("http://") == 2
    assert list(to.parent.iterdir()) == []


def test_an_address_that_never_answers_costs_seconds(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "READ", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(InputError, match="Timeout"):
            data.download([address], tmp_path / "x.dat")
        assert time.monotonic() - start < data.CONNECT + 5


@pytest.fixture
def trickle():
    """trickle(block, pause, *headers): an address that sends the block for ever."""
    ended = threading.Event()
    servers = []

    def start(block, pause, *headers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # the other side is gone
                    while not ended.wait(pause):
                        self.wfile.write(block)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/airfoil.dat"

    yield start
    ended.set()
    for server in servers:
        server.shutdown()
        server.server_close()


LENGTHS = [(), ("Content-Length", "60000"), ("Content-Length", "9" * 30)]


@pytest.mark.parametrize("length", LENGTHS, ids=["no length", "60 kB", "endless"])
def test_a_server_that_sends_byte_by_byte_is_left(
    length, trickle, monkeypatch, tmp_path
):
    monkeypatch.setattr(data, "MOST", data.Most(size=2**20, seconds=0.5))
    address = trickle(b"1", 0.05, *([length] if length else []))
    start = time.monotonic()
    with pytest.raises(InputError, match=r"airfoil\.dat: it took more than 0\.5 s"):
        data.download([address], tmp_path / "cache" / "x.dat")
    assert time.monotonic() - start < 5
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("length", LENGTHS[::2], ids=["no length", "endless"])
def test_a_server_that_sends_too_much_is_left(length, trickle, monkeypatch, tmp_path):
    sizes = []

    def check(path):
        sizes.append(path.stat().st_size)

    monkeypatch.setattr(data, "read", check)
    address = trickle(b"1" * 2**16, 0, *([length] if length else []))
    with pytest.raises(InputError, match=r"airfoil\.dat: it is larger than 1 MB"):
        data.download([address], tmp_path / "cache" / "x.dat")
    assert sizes == []
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_said(serve, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(InputError, match="no address gave"):
        data.download([serve(b"")], in_the_way / "x.dat")


# ------------------------------------------------------------------------- the stand-in


def optimum(dataset: data.Dataset) -> float:
    X = np.c_[dataset.X, np.ones(len(dataset.X))]
    w = np.linalg.lstsq(X, dataset.y, rcond=None)[0]
    return float(np.mean((X @ w - dataset.y) ** 2) / 2)


def test_the_stand_in_has_the_published_mean_covariance_and_optimum():
    dataset = data.load("stand-in")
    rows = np.c_[dataset.X, dataset.y]
    figures = data.description()["whitened"]
    assert rows.shape == (1500, 6)
    np.testing.assert_allclose(rows.mean(0), figures["mean"], atol=1e-12)
    covariance = np.cov(rows.T, bias=True)
    for i, row in enumerate(figures["covariance"]):
        np.testing.assert_allclose(covariance[i, : i + 1], row, atol=1e-12)
    assert optimum(dataset) == pytest.approx(0.241688, abs=5e-7)


def test_the_stand_in_has_the_full_batch_surface_of_the_file(airfoil):
    real, made = data.load(str(airfoil)), data.load("stand-in")
    rng = np.random.default_rng(1)
    for _ in range(10):
        w, b = rng.normal(size=5), rng.normal()
        losses = [np.mean((d.X @ w + b - d.y) ** 2) / 2 for d in (real, made)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_the_stand_in_is_the_same_every_time():
    np.testing.assert_array_equal(data.load("stand-in").X, data.load("stand-in").X)


def test_the_description_is_whole():
    about = data.description()
    assert len(about["columns"]) == 6
    assert about["licence"] == "CC BY 4.0"
    assert about["sha1"] == {
        "CRLF": "76e5be1548fd8222e5074cf0faae75edff8cf93f",
        "LF": "d9dfd00ed1ff52487b87aceb5ff20462d8e0801c",
    }
    figures = about["whitened"]
    assert len(figures["mean"]) + sum(map(len, figures["covariance"])) == 27
    assert not Path("airfoil_self_noise.dat").exists()
