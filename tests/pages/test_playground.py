"""The playground: its numbers are those of rules.py, and all it says can be done."""

import random
import re
import subprocess
import sys

import numpy as np
import pytest
from browser import overflow

from d2lopt.backend.load import load
from d2lopt.errors import InputError
from d2lopt.pages.playground import page as playground
from d2lopt.rules import optimizers as rules

OPTIMIZERS = ["sgd", "momentum", "adagrad", "rmsprop", "adadelta", "adam"]
KNOBS = {
    "lr": 0.4,
    "gamma": 0.9,
    "momentum": 0.5,
    "eps": 1e-6,
    "beta1": 0.9,
    "beta2": 0.999,
}


@pytest.fixture
def open_at(page, tmp_path):
    """open_at(hash): the page, opened from the file system with that link."""
    path = playground.write(tmp_path / "playground.html")

    def open_page(words=""):
        page.goto(f"{path.as_uri()}#{words}")
        return page

    return open_page


def state(page):
    """What the page has: its settings, when the next frame is drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => done()))")
    return page.evaluate("playground.settings")


def until(page, condition):
    """Wait for what the page is to do; at most 5 seconds."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"still not: {condition}")


# -------------------------------------------------------------------------- its numbers


def plain(x):
    """f = 0.1 x1² + 2 x2², and its gradient."""
    return 0.1 * x[0] ** 2 + 2 * x[1] ** 2, np.array([0.2 * x[0], 4 * x[1]])


def rotated(x):
    """f = 0.1 (x1 + x2)² + 2 (x1 − x2)², and its gradient."""
    total, gap = x[0] + x[1], x[0] - x[1]
    gradient = np.array([0.2 * total + 4 * gap, 0.2 * total - 4 * gap])
    return 0.1 * total**2 + 2 * gap**2, gradient


PROBLEMS = {"plain": plain, "rotated": rotated}


def reference(optimizer, settings):
    """The points, losses and the step of divergence, from rules.py in float64."""
    d2l, rule = load("numpy"), rules.find(optimizer)
    f = PROBLEMS[settings["problem"]]
    called = {"rho": settings["gamma"], **settings}
    hyperparams = {name: called[name] for name in rule.hyperparams}
    p = np.array(settings["start"], dtype="float64")
    states = rule.init_states(d2l, [p])
    points, losses = [p.copy()], [f(p)[0]]
    for step in range(1, settings["steps"] + 1):
        rule.step(d2l, [p], [f(p)[1]], states, hyperparams)
        if np.isfinite(p).all():
            points.append(p.copy())
            losses.append(f(p)[0])
        if not (np.abs(p) <= 1000).all():
            return points, losses, step
    return points, losses, None


def various(count):
    """Settings of many kinds, the same ones in every run of this test."""
    draw = random.Random(6)
    yield {}
    yield {"problem": "rotated"}
    yield {"lr": 0.25}  # x2 is exactly at the minimum after one step of sgd
    yield {"gamma": 1, "beta1": 1, "beta2": 1, "momentum": 1}
    yield {"gamma": 0, "beta1": 0, "beta2": 0, "momentum": 0}
    yield {"eps": 0, "start": [0, 1]}  # 0/0
    yield {"lr": 0, "eps": 0.1}
    for _ in range(count):
        yield {
            "problem": draw.choice(list(PROBLEMS)),
            "start": [draw.uniform(-6, 6), draw.uniform(-4, 4)],
            "lr": 10 ** draw.uniform(-3, 0.5),
            "eps": 10 ** draw.uniform(-12, -0.5),
            "gamma": draw.choice([draw.random(), 1 - 10 ** draw.uniform(-4, -1)]),
            "momentum": draw.random(),
            "beta1": draw.random(),
            "beta2": 1 - 10 ** draw.uniform(-4, 0),
            "steps": draw.choice([1, 20, 200]),
        }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of 0/0 and of what diverges
def test_the_numbers_are_those_of_the_rules(open_at):
    initial = {**KNOBS, "problem": "plain", "start": [-5, -2], "steps": 100}
    asked = [{**initial, **s, "optimizers": OPTIMIZERS} for s in various(60)]
    found = open_at().evaluate("(all) => all.map(playground.trajectory)", asked)
    diverged = dict.fromkeys(OPTIMIZERS, 0)
    for settings, runs in zip(asked, found, strict=True):
        assert list(runs) == OPTIMIZERS
        for optimizer, run in runs.items():
            points, losses, gone = reference(optimizer, settings)
            where = f"{optimizer} with {settings}"
            assert run["diverged"] == gone, where
            for ours, theirs in ((run["points"], points), (run["losses"], losses)):
                assert len(ours) == len(theirs), where
                np.testing.assert_allclose(ours, theirs, 1e-9, 1e-9, err_msg=where)
            diverged[optimizer] += gone is not None
    # Some of the settings diverge, and most do not.
    assert all(0 < n < len(asked) / 2 for n in diverged.values()), diverged


def test_the_page_takes_the_hyperparameters_of_the_rules(open_at):
    page = open_at()
    for optimizer in OPTIMIZERS:
        names = [n.replace("rho", "gamma") for n in rules.find(optimizer).hyperparams]
        assert page.evaluate("playground.takes", optimizer) == names


def test_what_the_page_says_to_try_is_so(open_at):
    page = open_at()

    def run(optimizer, **changed):
        return page.evaluate(
            "([name, changed]) => playground.trajectory({"
            "...playground.initialSettings(), ...changed, optimizers: [name]})[name]",
            [optimizer, changed],
        )

    for optimizer in ("adagrad", "rmsprop"):
        (x1, x2), (y1, y2) = run(optimizer)["points"][:2]
        assert y1 - x1 == pytest.approx(y2 - x2, rel=1e-5)
    assert run("sgd", lr=0.55)["diverged"]
    assert not run("sgd", lr=0.499, steps=200)["diverged"]
    assert run("momentum", lr=0.55)["losses"][-1] < 1e-9
    slow = run("rmsprop", problem="rotated")["losses"][20]
    assert slow > 1e4 * run("rmsprop")["losses"][20]
    assert run("sgd", problem="rotated")["diverged"]
    assert not run("sgd", problem="rotated", lr=0.2)["diverged"]
    last = run("rmsprop", steps=200)["points"][-2:]
    assert np.abs(np.subtract(*last)).min() > 0.3
    assert run("rmsprop", gamma=1)["diverged"] == 1


# ------------------------------------------------------------------- what a reader does


@pytest.mark.parametrize("width", [1280, 800, 360])
@pytest.mark.parametrize("words", ["", f"optimizers={','.join(OPTIMIZERS)}&lr=0.6"])
def test_nothing_is_wider_than_the_window(open_at, width, words):
    page = open_at(words)
    assert overflow(page, width) == 0
    columns = page.evaluate("getComputedStyle(document.querySelector('main'))"
                            ".gridTemplateColumns.split(' ').length")  # fmt: skip
    assert columns == (2 if width > 1000 else 1)


def test_the_start_is_dragged_with_the_mouse(open_at):
    page = open_at()
    box = page.locator("#start").bounding_box()
    x, y = box["x"] + 22, box["y"] + 22
    before = page.evaluate("playground.settings.start")
    page.mouse.move(x + 5, y)
    page.mouse.down()
    page.mouse.move(x + 105, y - 50, steps=3)
    page.mouse.up()
    a, b = state(page)["start"]
    scale = 100 / (a - before[0])
    assert scale == pytest.approx(50 / (b - before[1]), rel=0.02)
    moved = page.locator("#start").bounding_box()
    assert moved["x"] - box["x"] == pytest.approx(100, abs=1)
    page.mouse.move(x, y)  # let go, it stays
    assert state(page)["start"] == [a, b]
    page.locator("#contour-svg").click(position={"x": 300, "y": 100})
    assert state(page)["start"] != [a, b]


def test_the_start_is_dragged_with_a_finger_and_stays_in_the_picture(open_at):
    page = open_at()
    box = page.locator("#start").bounding_box()
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + 22, box["y"] + 22
    for kind, at in (("Start", (x, y)), ("Move", (x + 50, y)), ("Move", (x + 2000, y))):
        points = [{"x": at[0], "y": at[1]}]
        touch.send(
            "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
        )
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert state(page)["start"] == [6, -2]


def test_all_can_be_done_with_keys(open_at):
    page = open_at("steps=200&step=3")
    for key, step in ((".", 4), ("ArrowRight", 5), (",", 4), ("ArrowLeft", 3)):
        page.keyboard.press(key)
        assert page.evaluate("playground.step") == step
    assert "Step 3: sgd " in page.locator("#said").text_content()
    page.locator("#start").focus()
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert state(page)["start"] == [-4.9, -1.4]
    assert page.evaluate("playground.step") == 3
    assert "−4.9, −1.4" in page.locator("#start").get_attribute("aria-label")
    page.keyboard.press("Space")
    assert page.evaluate("playground.playing")
    page.keyboard.press("Space")
    assert not page.evaluate("playground.playing")
    page.keyboard.press("r")
    assert page.evaluate("playground.step") == 0
    page.locator("#gamma").focus()
    page.keyboard.press("ArrowLeft")
    assert state(page)["gamma"] == 0.89
    assert page.evaluate("playground.step") == 0


def test_everything_that_can_be_operated_has_a_name(open_at):
    page = open_at()
    unnamed = page.evaluate("""
        [...document.querySelectorAll("input, select, button, [tabindex], svg[role]")]
          .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
          .map((e) => e.id)""")
    assert unnamed == []


def test_playing_ends_with_the_last_step(open_at):
    page = open_at("steps=12")
    page.locator("#speed").select_option("fast")
    press = "(play) => { play.click(); return play.textContent; }"
    assert page.locator("#play").evaluate(press) == "Pause"
    until(page, "!playground.playing")
    assert page.evaluate("playground.step") == 12
    assert page.locator("#play").text_content() == "Play"


def test_who_wants_less_motion_gets_less(open_at, page):
    page.emulate_media(reduced_motion="reduce")
    open_at("steps=50&step=0").locator("#speed").select_option("fast")
    begun = page.evaluate("performance.now()")
    page.locator("#play").click()
    until(page, "playground.step > 0")
    step, now = page.evaluate("[playground.step, performance.now()]")
    assert step <= 2 * (now - begun) / 1000


def test_optimizers_problem_and_hyperparameters_are_chosen(open_at):
    page = open_at("optimizers=sgd")
    page.get_by_label("adam", exact=True).check()
    page.get_by_label("sgd", exact=True).uncheck()
    page.get_by_label("rotated").check()
    page.locator("#eps-number").fill("1e-3")
    page.locator("#lr").fill("-1")
    found = state(page)
    assert found["optimizers"] == ["adam"]
    assert (found["problem"], found["eps"], found["lr"]) == ("rotated", 1e-3, 0.1)
    run = page.evaluate("playground.trajectory(playground.settings).adam")
    cells = page.locator("#row-adam td").all_text_contents()
    assert float(cells[0]) == pytest.approx(run["losses"][-1], rel=5e-3)
    assert page.locator("#row-sgd td").all_text_contents() == ["", ""]
    assert "idle" in page.locator("#knob-gamma").get_attribute("class")
    page.get_by_text("Reset all").click()
    assert state(page) == page.evaluate("playground.initialSettings()")


def test_a_number_out_of_range_or_none_is_put_right(open_at):
    page = open_at()
    for typed, kept in (("1.5", 1), ("-1", 0), ("", 0)):
        field = page.locator("#gamma-number")
        field.fill(typed)
        field.blur()
        assert state(page)["gamma"] == kept
        assert field.input_value() == str(kept)


def test_what_diverges_is_said_and_breaks_no_plot(open_at):
    page = open_at("lr=0.55&gamma=1&eps=0")
    steps = page.locator("#row-sgd"), page.locator("#row-rmsprop")
    assert "diverged at step 35" in steps[0].text_content()
    assert "diverged at step 1" in steps[1].text_content()
    assert page.locator("#loss .cross").count() == 2
    assert not re.search("NaN|Infinity", page.content().split("<script>")[0])
    page.locator("#step").fill("10")
    assert "diverged" not in steps[0].text_content()


@pytest.mark.parametrize("lr", ["16", "100"])
@pytest.mark.parametrize("eps", ["0", "1e-320", "1e-200"])
@pytest.mark.parametrize("problem", ["plain", "rotated"])
def test_steps_of_any_size_make_valid_paths(open_at, lr, eps, problem):
    """An attribute that is no path is an error in the console, which `page` minds."""
    words = f"problem={problem}&lr={lr}&eps={eps}&gamma=1&momentum=1&beta2=1&beta1=0"
    page = open_at(f"{words}&optimizers={','.join(OPTIMIZERS)}")
    drawn = page.locator("#traces").inner_html() + page.locator("#loss").inner_html()
    for number in re.findall(r"[-+]?\d[\d.]*e[-+]?\d+", drawn):
        assert abs(float(number)) < 1e6
    assert not re.search("NaN|Infinity", page.content().split("<script>")[0])


def test_a_loss_of_exactly_0_lies_below_the_plot(open_at):
    page = open_at("lr=0.25&start=0,-2&optimizers=sgd")
    assert page.locator("#row-sgd td").all_text_contents() == ["0", "0.00, 0.00"]
    assert not re.search("NaN|Infinity", page.locator("#loss").inner_html())
    assert page.locator("#loss .tick").count() > 5


def test_the_look_follows_the_readers_scheme(open_at, page):
    looks = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        open_at()
        looks.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(looks) == 2


# ----------------------------------------------------------------------------- the link


def test_a_link_carries_the_settings(open_at, page):
    open_at()
    page.locator("#start-0").fill("3.25")
    page.locator("#lr-number").fill("0.0125")
    page.get_by_label("rotated").check()
    page.get_by_label("adadelta").check()
    page.locator("#step").fill("7")
    page.get_by_text("Copy link").click()
    words, before = page.evaluate("location.hash.slice(1)"), state(page)
    assert before["start"] == [3.25, -2]
    page.goto("about:blank")
    open_at(words)
    assert state(page) == before
    assert page.evaluate("playground.step") == 7
    page.evaluate("location.hash = 'problem=plain&lr=0.5'")
    until(page, "playground.settings.lr === 0.5")


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("lr=fast&gamma=&eps=NaN&steps=1e999", {}),
        ("lr=-1&gamma=7&steps=10000", {"lr": 0, "gamma": 1, "steps": 200}),
        ("start=1&problem=toString&step=x", {}),
        ("start=99,-99", {"start": [6, -4]}),
        ("optimizers=lion,adam,adam", {"optimizers": ["adam"]}),
        ("optimizers=lion", {}),
        ("optimizers=", {"optimizers": []}),
        ("%E0%A4%A&<b>=1&steps=5", {"steps": 5}),
    ],
)
def test_a_damaged_link_still_opens(open_at, words, changed):
    page = open_at(words)
    assert state(page) == page.evaluate("playground.initialSettings()") | changed


# -------------------------------------------------------------------------- the command


def test_the_page_holds_all_it_needs():
    text = playground.page()
    assert "{{" not in text
    assert set(re.findall(r'\b(?:src|href)="([^"]*)"', text)) == {"data:,"}
    assert not re.search(r"https?:|@import|url\((?!#)|\bfetch\(|\bimport\b", text)


@pytest.mark.parametrize("name", playground.SCRIPTS)
def test_a_script_is_small_and_says_what_it_is_for(name):
    folder = playground.files("d2lopt") / "pages" / "playground"
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 110


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x.html", tmp_path):
        with pytest.raises(InputError, match=r"^cannot write .*: .*\. Choose another"):
            playground.write(path)


@pytest.mark.processes
def test_the_command_writes_the_page_into_a_new_folder(tmp_path):
    def d2lopt(*arguments):
        command = [sys.executable, "-m", "d2lopt", "playground", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    out = tmp_path / "a" / "b" / "page.html"
    run = d2lopt("--out", out)
    assert (run.returncode, run.stdout, run.stderr) == (0, f"{out}\n", "")
    assert out.read_text(encoding="utf-8") == playground.page()
    run = d2lopt("--out", tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith(f"d2lopt: cannot write {tmp_path}")
    assert "d2lopt playground --out " in d2lopt("--help").stdout
    assert d2lopt().stdout == "out/playground.html\n"
