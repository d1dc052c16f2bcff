"""What stays on the disk: whole files, JSON lines, and one sentence where it cannot."""

import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.errors import InputError
from d2lopt.files import (
    append_lines,
    json_lines,
    make_folder,
    read_lines,
    reading,
    write_whole,
    writing,
)

# --------------------------------------------------------------------- what is refused


def test_what_cannot_be_written_is_one_sentence_with_the_remedy(tmp_path):
    path = tmp_path / "none" / "file"
    message = rf"^cannot write {path}: No such file or directory\. Try another\.$"
    with pytest.raises(InputError, match=message), writing(path, "Try another."):
        path.write_text("")
    message = r"file: No such file or directory\.$"
    with pytest.raises(InputError, match=message), writing(path):
        path.write_text("")
    message = rf"^cannot read {path}: No such file or directory\.$"
    with pytest.raises(InputError, match=message), reading(path):
        path.read_text()


def test_a_folder_is_made_and_nothing_is_left_in_it(tmp_path):
    folder = tmp_path / "a" / "b"
    assert make_folder(folder) == folder
    assert make_folder(folder) == folder
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(InputError, match=rf"^cannot write into {folder}: \w+.*\.$"):
            make_folder(folder)


@pytest.mark.processes
def test_several_processes_make_one_folder_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from d2lopt.files import make_folder\n"
        "sys.stdin.readline()\n"
        "for i in range(300): make_folder(Path(sys.argv[1]) / str(i))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0] * 4


# ----------------------------------------------------------------------- whole or not


def test_a_file_is_replaced_and_no_draft_stays(tmp_path):
    path = tmp_path / "file"
    for content in (b"first", b"", b"\0\xff" * 10_000):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.processes
def test_at_any_moment_and_after_a_kill_there_is_one_whole_file(tmp_path):
    code = (
        "import sys; from pathlib import Path; from d2lopt.files import write_whole\n"
        "for i in range(10**6): write_whole(Path(sys.argv[1]), b'%08d' % i * 2**16)"
    )
    path = tmp_path / "file"
    process = subprocess.Popen([sys.executable, "-c", code, path])
    while not path.exists():
        time.sleep(0.01)
    seen = set()
    while len(seen) < 20:
        seen.add(path.read_bytes())
    process.kill()
    process.wait()
    seen.add(path.read_bytes())
    for content in seen:
        assert len(content) == 2**19
        assert content == content[:8] * 2**16


@pytest.mark.processes
def test_what_killed_writers_leave_is_gone_with_the_next_one(tmp_path):
    """Killed at the worst moment: the draft is written, and not yet in its place."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from d2lopt.files import write_whole\n"
        "Path.replace = lambda self, to: os.kill(os.getpid(), 9)\n"
        "write_whole(Path(sys.argv[1]), b'new')"
    )
    path = tmp_path / "file"
    path.write_bytes(b"old")
    for _ in range(3):
        process = subprocess.run([sys.executable, "-c", code, path], timeout=60)
        assert process.returncode == -9
    assert path.read_bytes() == b"old"
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"file", ".file.draft", ".file.lock"}  # of all three
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.processes
def test_several_writers_at_once_leave_one_whole_file(tmp_path):
    code = (
        "import sys; from pathlib import Path; from d2lopt.files import write_whole\n"
        "content = sys.argv[2].encode() * 2**16\n"
        "for i in range(100): write_whole(Path(sys.argv[1]), content)"
    )
    path = tmp_path / "file"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, path, name]) for name in "abc"
    ]
    seen = set()
    while any(process.poll() is None for process in processes):
        seen.add(path.read_bytes() if path.exists() else b"")
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert seen - {b""} <= {name.encode() * 2**16 for name in "abc"}
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"kept")
    with pytest.raises(TypeError):
        write_whole(path, "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", b"")
    assert path.read_bytes() == b"kept"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    # Not with a device of the machine: a mistake would put a file in its place.
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.processes
def test_a_disk_that_takes_a_part_only_costs_what_is_new(tmp_path):
    """The limit on a file's size takes the place of a disk that is nearly full."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from d2lopt.files import append_lines, write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "path, text = Path(sys.argv[1]), 'x' * 2000\n"
        "for write, what in (write_whole, text.encode()), (append_lines, [text]):\n"
        "    try: write(path, what)\n"
        "    except OSError as error: print(error.strerror)\n"
    )
    path = tmp_path / "lines.jsonl"
    append_lines(path, [{"a": 1}])
    run = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True
    )
    assert run.stdout.splitlines() == ["File too large"] * 2, run.stderr
    assert path.stat().st_size == 1000  # the part that it took
    assert read_lines(path) == ([{"a": 1}], False)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.processes
def test_pages_and_figures_are_whole_or_as_they_were(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from d2lopt.errors import InputError\n"
        "from d2lopt.pages.playground.page import write as playground\n"
        "from d2lopt.pages.report.page import write as report\n"
        "from d2lopt.show.figures import pyplot, save\n"
        "figure, _ = pyplot().subplots()\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "for write in (\n"
        "    lambda: playground(Path('playground.html')),\n"
        "    lambda: report(Path('report.html'), 'x' * 2000),\n"
        "    lambda: save(figure, Path(), 'figure'),\n"
        "):\n"
        "    try: write()\n"
        "    except InputError as error: print(error)\n"
    )
    names = {"playground.html", "report.html", "figure.svg", "figure.png"}
    for name in names:
        (tmp_path / name).write_text("before")
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stdout.count("File too large") == 3, run.stderr
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == dict.fromkeys(
        names, "before"
    )


# -------------------------------------------------------------------------- JSON lines

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
values = st.recursive(
    scalars | st.text(),
    lambda some: st.lists(some) | st.dictionaries(st.text(), some),
    max_leaves=8,
)


@given(st.lists(st.lists(values, max_size=3), max_size=4))
def test_what_is_appended_is_read_again(tmp_path_factory, groups):
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    assert read_lines(path) == ([], True)
    for group in groups:
        append_lines(path, group)
    every = [value for group in groups for value in group]
    assert read_lines(path) == (every, True)
    assert path.exists() == bool(groups)
    assert b"".join(map(json_lines, groups)) == (path.read_bytes() if groups else b"")


def test_wherever_a_line_was_cut_the_others_stay_and_more_can_follow(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_lines(path, [{"a": 1}, {"b": [2, "½"]}])
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        assert read_lines(path) == ([{"a": 1}], cut == first)
        append_lines(path, [{"c": 3}])
        objects, is_whole = read_lines(path)
        assert objects[0] == {"a": 1}
        assert objects[-1] == {"c": 3}
        # A cut before the line end only leaves a record that is whole after all.
        assert (len(objects), is_whole) == (
            (2, cut == first) if cut < len(whole) - 1 else (3, True)
        )


@pytest.mark.parametrize(
    "damaged",
    [b"{", b"\0\0\0\0", b"\xff\xfe", b"1 2", b"[" * 100_000, b"9" * 10_000],
    ids=["open", "zeros", "no UTF-8", "two", "deep", "long"],
)
def test_a_damaged_line_costs_itself_only(tmp_path, damaged):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n' + damaged + b'\n{"b": 2}\n')
    assert read_lines(path) == ([{"a": 1}, {"b": 2}], False)


def test_a_blank_line_is_no_line_and_no_damage(tmp_path):
    (tmp_path / "lines.jsonl").write_bytes(b'\n{"a": 1}\n\n\n{"b": 2}\n')
    assert read_lines(tmp_path / "lines.jsonl") == ([{"a": 1}, {"b": 2}], True)


@pytest.mark.processes
def test_lines_of_two_processes_do_not_mix(tmp_path):
    code = (
        "import sys; from pathlib import Path; from d2lopt.files import append_lines\n"
        "for i in range(100):\n"
        "    append_lines(Path(sys.argv[1]), [[sys.argv[2], 'x' * 20_000]])"
    )
    path = tmp_path / "lines.jsonl"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, path, name]) for name in "ab"
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    objects, whole = read_lines(path)
    assert whole
    assert sorted(name for name, _ in objects) == ["a"] * 100 + ["b"] * 100
    assert json.loads(path.read_bytes().splitlines()[0])[1] == "x" * 20_000
