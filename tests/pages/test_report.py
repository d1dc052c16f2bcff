"""The report: its numbers are the records', its reasons hold, a phone can show it."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from browser import overflow

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions.curves import SeedCurves, farthest
from d2lopt.conventions.reasons import OURS, measure
from d2lopt.conventions.scenario import BuiltinFormula, LibraryRule
from d2lopt.conventions.table import ALIASES, find_row
from d2lopt.errors import InputError
from d2lopt.pages.report import page as report
from d2lopt.pages.report.curves import charts, numbers
from d2lopt.pages.report.digits import sci
from d2lopt.pages.report.sentences import summary, verdict
from d2lopt.pages.report.svg import thinned
from d2lopt.rules import optimizers as rules
from d2lopt.runs.compare import by_backend
from d2lopt.train.record import Record, Spec, blank

HYPERPARAMS = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}
SPEC = Spec("", "rmsprop", HYPERPARAMS, batch_size=50)
HOSTILE = (
    "killed </pre></style><script>alert(1)</script><img src=x onerror=alert(1)> &amp;"
)


@pytest.fixture(scope="session")
def found():
    """The findings for RMSProp on every backend."""
    return measure(SPEC, list(FRAMEWORKS))


def record(backend, implementation, losses, **changed):
    """A record of a run with these losses, as it comes from a child."""
    spec = replace(SPEC, backend=backend)
    steps = [min(20 * i, 60) for i in range(len(losses))]
    made = replace(
        blank(spec, implementation, "ok", ""),
        version=f"{backend}-1.2.3",
        loss=float(losses[-1]),
        losses=[float(x) for x in losses],
        steps=steps,
        num_steps=60,
        seconds_per_epoch=0.0125,
        call=f"call_of_{backend}()" if implementation == "built-in" else None,
    )
    return replace(made, **changed)


def float32(losses):
    return [float(np.float32(x)) for x in losses]


@pytest.fixture(scope="session")
def records(found):
    """What the six backends would give: float32, each with its own formula."""
    made = []
    for name in FRAMEWORKS:
        made.append(record(name, "scratch", float32(found.rule.curves[0])))
        if name in found.reasons:
            losses = float32(found.reasons[name].formula.curves[0])
            made.append(record(name, "built-in", losses))
        else:
            message = "it has no rmsprop of its own"
            spec = replace(SPEC, backend=name)
            gone = blank(spec, "built-in", "missing", message)
            made.append(replace(gone, version=made[-1].version))
    return made


def damaged(records):
    """The records with one backend missing, one failed, one diverged, one wrong."""
    _, missing, failed, diverged, wrong, _ = FRAMEWORKS
    nothing = {"loss": None, "losses": [], "steps": [], "seconds_per_epoch": None}
    changes = {
        missing: {
            "status": "missing",
            "version": None,
            "message": "x" * 300,
            **nothing,
        },
        failed: {"status": "failed", "message": HOSTILE, **nothing},
    }
    made = [replace(r, **changes.get(r.backend, {})) for r in records]
    for i, r in enumerate(made):
        if r.implementation == "built-in" and r.backend == diverged:
            losses = [0.5, 1e9, 1e30]
            made[i] = replace(r, **nothing, status="diverged", message="inf by step 60")
            made[i] = replace(made[i], losses=losses, steps=[0, 20, 40])
        if r.implementation == "built-in" and r.backend == wrong:
            losses = [x * (1 + 1e-4) for x in r.losses]
            made[i] = replace(r, losses=losses, loss=losses[-1])
    return made


@pytest.fixture
def circumstances(tmp_path):
    return report.circumstances(SPEC, list(FRAMEWORKS), tmp_path / "compare.html")


@pytest.fixture
def open_page(page, tmp_path, found, circumstances):
    """open_page(records): their report, opened from the file system."""

    def opened(records):
        path = tmp_path / "compare.html"
        report.write(path, report.page(records, found, circumstances))
        page.goto(path.as_uri())
        return page

    return opened


# ------------------------------------------------------------------------ what explains


@pytest.mark.parametrize("optimizer", [n for n in rules.RULES if n != "yogi"])
def test_the_pieces_of_a_rule_compute_what_it_computes(optimizer):
    """Without this, what a part of a formula does would be measured from elsewhere."""
    settings = dict(rules.find(optimizer).hyperparams)
    kind, more = ALIASES.get(optimizer, (optimizer, {}))
    ours = LibraryRule(optimizer, settings, 1).losses(0, "stand-in", 50)
    pieces = BuiltinFormula(kind, OURS, {**settings, **more}, epochs=1)
    assert farthest(ours, pieces.losses(0, "stand-in", 50)) < 1e-12


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize(
    ("optimizer", "dtype"), [("rmsprop", "float32"), ("adam", "float64")]
)
def test_what_is_said_of_real_runs_leaves_only_rounding(tmp_path, optimizer, dtype):
    """On every installed framework, the formulas explain what is measured."""
    page = tmp_path / "page.html"
    command = [sys.executable, "-m", "d2lopt", "compare", optimizer, "--dtype", dtype]
    command += ["--batch-size", "50", "--data", "stand-in", "--html", str(page)]
    subprocess.run(command, check=True, capture_output=True)
    lines = (tmp_path / "out" / "compare.jsonl").read_text().splitlines()
    ran = [Record(**json.loads(line)) for line in lines]
    spec = Spec("", optimizer, dict(ran[0].hyperparams), dtype=dtype, batch_size=50)
    findings = measure(spec, list(FRAMEWORKS))
    kinds = {}
    for name, row in by_backend(ran).items():
        kinds[name] = verdict(row, findings.reasons.get(name), findings.rule).kind
        assert kinds[name] in {"same", "formula", "none"}
    assert "formula" in kinds.values()
    assert "same" in kinds.values()
    assert page.read_text().count("verdict formula") == 2 * [*kinds.values()].count(
        "formula"
    )


def test_ten_seeds_make_the_band(found):
    finals = found.rule.finals
    assert len(set(finals)) == len(found.seeds) == 10
    assert found.rule.spread == pytest.approx(np.std(finals, ddof=1))
    assert found.rule.median == pytest.approx(np.median(finals))
    for step, (least, median, greatest) in enumerate(found.rule.band()):
        losses = [curve[step] for curve in found.rule.curves]
        assert (least, greatest) == (min(losses), max(losses))
        assert median == pytest.approx(np.median(losses))


def test_a_formula_that_differs_is_told_from_one_that_does_not(records, found):
    rows = by_backend(records)
    said = {
        n: verdict(row, found.reasons.get(n), found.rule) for n, row in rows.items()
    }
    kinds = [v.kind for v in said.values()]
    assert kinds == ["none", "formula", "same", "same", "same", "same"]
    different = said[list(FRAMEWORKS)[1]]
    assert different.brief == "ε outside the root"
    assert "rounding in float32" in different.sentences[-1]


def test_what_no_formula_explains_is_said(records, found):
    rows = by_backend(damaged(records))
    said = {
        n: verdict(row, found.reasons.get(n), found.rule) for n, row in rows.items()
    }
    kinds = [v.kind for v in said.values()]
    assert kinds == ["none", "failed", "failed", "diverged", "open", "same"]
    wrong = said[list(FRAMEWORKS)[4]]
    assert wrong.brief == "not explained"
    assert "10⁻⁴" in wrong.sentences[0]
    words = " ".join(summary(rows, said, found))
    assert "not all of it is explained" in words
    assert "Failed or not there: PyTorch and TensorFlow" in words


def test_a_formula_whose_calculation_diverges_is_not_called_the_same(records, found):
    """Although the framework's own run, in float32, did not."""
    name = list(FRAMEWORKS)[1]
    reason = found.reasons[name]
    curves = [[*curve[:-1], float("inf")] for curve in reason.formula.curves]
    row = by_backend(records)[name]
    for formula, rule in (
        (SeedCurves(curves), found.rule),
        (reason.formula, SeedCurves(curves)),
    ):
        said = verdict(row, replace(reason, formula=formula), rule)
        text = " ".join(said.sentences)
        assert said.kind == "open"
        assert said.brief == "ε outside the root, not calculated"
        assert "It adds ε outside the root" in text
        assert "the same formula" not in text.lower()
        assert "cannot be said" in text
        assert not re.search(r"\b(nan|inf)\b", text)


def test_a_run_without_its_scratch_run_is_still_explained(records, found):
    name = list(FRAMEWORKS)[1]
    row = dict(by_backend(records)[name])
    gone = {"loss": None, "losses": [], "steps": [], "status": "failed"}
    row["scratch"] = replace(row["scratch"], **gone, message="killed by SIGSEGV")
    said = verdict(row, found.reasons[name], found.rule)
    assert said.kind == "formula"
    assert "killed by SIGSEGV" in said.sentences[0]


def test_an_effect_of_a_default_is_the_difference_of_two_runs(found):
    name = list(FRAMEWORKS)[1]
    gamma = next(d for d in found.reasons[name].defaults if d.here == 0.9)
    assert (gamma.name, gamma.theirs) == ("alpha", 0.99)
    own = found.reasons[name].formula.finals
    kind = find_row(name, "rmsprop")
    other = BuiltinFormula("rmsprop", kind.traits, {**HYPERPARAMS, "gamma": 0.99})
    finals = [other.losses(seed, "stand-in", 50)[-1] for seed in found.seeds]
    change = np.median(np.subtract(finals, own))
    assert gamma.change == pytest.approx(change)
    assert gamma.of_the_spread == pytest.approx(abs(change) / np.std(own, ddof=1))


@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd", "adam"])
def test_a_rate_beyond_float32_diverges_and_is_no_error(optimizer):
    """Rounded to float32 it is inf, which no rule takes."""
    hyperparams = {**rules.find(optimizer).hyperparams, "lr": 1e200}
    spec = replace(SPEC, optimizer=optimizer, hyperparams=hyperparams, batch_size=500)
    findings = measure(spec, list(FRAMEWORKS))
    assert set(findings.reasons) == set(FRAMEWORKS) - {"numpy"}
    for reason in findings.reasons.values():
        assert reason.formula.median is None


def test_divergence_is_no_number():
    spec = replace(SPEC, optimizer="sgd", hyperparams={"lr": 5.0}, epochs=20)
    findings = measure(spec, list(FRAMEWORKS))
    assert findings.rule.median is None
    assert findings.rule.spread is None
    assert np.isfinite(findings.rule.band()).all()
    for reason in findings.reasons.values():
        assert reason.parts == []
    assert not re.search(r"\b(nan|inf)\b", " ".join(summary({}, {}, findings)))


# ---------------------------------------------------------------------------- the page


def test_the_losses_on_the_page_are_the_records(open_page, records):
    page = open_page(records)
    for name, row in by_backend(records).items():
        cells = page.locator(f"#row-{name} td").all_text_contents()
        shown = [r.loss for r in row.values()]
        words = ["none" if x is None else f"{x:.6f}" for x in shown]
        assert [cell.strip() for cell in cells[:2]] == words
        values = page.locator(f"#row-{name} data").evaluate_all(
            "(all) => all.map((one) => Number(one.value))"
        )
        known = [x for x in shown if x is not None]
        difference = [known[1] - known[0]] if len(known) == 2 else []
        assert values == known + difference
    assert page.locator("#row-numpy th").inner_text().endswith("numpy-1.2.3")


def test_the_numbers_of_the_curves_are_the_records(open_page, records, found):
    page = open_page(records)
    table = numbers(records, found)
    shown = [r for r in records if r.losses]
    for i, (_, _, cells) in enumerate(table["rows"]):
        band = found.rule.band()[i]
        assert cells == [r.losses[i] for r in shown] + list(band)
    page.locator("#numbers summary").click()
    assert page.locator("#numbers tbody tr").count() == len(shown[0].steps)
    assert page.locator("#numbers thead th").count() == 2 + len(shown) + 3


def test_a_long_curve_is_thinned_and_keeps_its_ends(records, found):
    assert thinned(3, 5) == [0, 1, 2]
    assert thinned(1000, 5) == [0, 250, 500, 749, 999]
    long = [replace(r, losses=[0.5] * 5000, steps=list(range(0, 100_000, 20)),
                    num_steps=99_980) for r in records if r.losses]  # fmt: skip
    rows = numbers(long, found)["rows"]
    assert len(rows) == 41
    assert (rows[0][0], rows[-1][0]) == (0, 99_980)


@pytest.mark.parametrize("width", [1280, 800, 360, 320])
@pytest.mark.parametrize("damage", [False, True])
def test_nothing_is_wider_than_the_window(open_page, records, width, damage):
    page = open_page(damaged(records) if damage else records)
    page.locator("details").evaluate_all("(all) => all.forEach((d) => d.open = true)")
    assert overflow(page, width) == 0
    outside = page.evaluate(
        "[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML)"
    )
    assert outside == []


@pytest.mark.parametrize("damage", [False, True])
def test_every_backend_has_its_row_and_its_reason(open_page, records, damage):
    page = open_page(damaged(records) if damage else records)
    assert page.locator("#results tbody tr").count() == len(FRAMEWORKS)
    for name, framework in FRAMEWORKS.items():
        assert framework.title in page.locator(f"#row-{name}").inner_text()
        page.locator(f"#row-{name} a").click()
        assert (
            page.locator("article:target h3").inner_text().startswith(framework.title)
        )
        assert page.locator(f"#{name} p").first.inner_text()


def test_hostile_text_is_text(open_page, records):
    page = open_page([replace(r, version=HOSTILE) for r in damaged(records)])
    assert page.locator("script").count() == 0
    assert page.locator("img").count() == 0
    failed = list(FRAMEWORKS)[2]
    assert HOSTILE in page.locator(f"#{failed} p").first.inner_text()
    assert page.locator("#about h2").is_visible()


def test_a_huge_loss_is_short(open_page, records):
    page = open_page([replace(r, loss=r.loss and 3e30) for r in records])
    assert "3.0·10³⁰" in page.locator("#row-numpy").inner_text()
    assert "0000000" not in page.locator("body").inner_text()


def test_what_a_framework_wrote_never_keeps_the_page_from_being_written(tmp_path):
    path = report.write(tmp_path / "x.html", "<p>\x1b[31mno \udc80 driver\x07\n")
    assert path.read_text(encoding="utf-8") == "<p>no � driver�\n"


@pytest.mark.parametrize("huge", [1e39, 1e160, 1.7e308])
def test_charts_hold_losses_up_to_the_largest_float(found, circumstances, huge):
    """Their squares, and their ratios to small losses, are beyond all floats."""
    made = [
        record(name, "scratch", [0.1, huge * share, huge * share])
        for name, share in (("numpy", 1.0), (list(FRAMEWORKS)[1], 0.5))
    ]
    curves = [[0.1 * n, huge / n, huge / n] for n in (1, 2, 3)]
    findings = replace(found, rule=SeedCurves(curves), reasons={})
    text = report.page(made, findings, circumstances)
    assert text.count("<svg") >= 2
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", text))


def test_no_number_is_nan(open_page, records):
    page = open_page(damaged(records))
    body = page.locator("body").inner_html()
    assert not re.search(r"\b(NaN|nan|Infinity|None|undefined)\b", body)


def test_the_stand_in_is_told_and_the_real_data_named(open_page, records):
    page = open_page(records)
    notice = page.locator("#stand-in")
    assert "not from the airfoil" in notice.inner_text()
    assert notice.bounding_box()["y"] < 200
    page = open_page([replace(r, data="airfoil") for r in records])
    assert page.locator("#stand-in").count() == 0
    assert "NASA RP-1218" in page.locator("#about").inner_text()


def test_the_page_says_with_what_it_was_made(open_page, records):
    text = open_page(records).locator("body").inner_text()
    for word in (report.__version__, "Python 3.", "float32", "batch size", "UTC"):
        assert word in text
    for r in records:
        assert r.version in text
        assert r.call is None or r.call in text


def test_curves_and_band_are_drawn(open_page, records, found):
    page = open_page(records)
    assert page.locator("figure").count() == 3
    shown = [r for r in records if r.losses]
    first = page.locator("figure").first
    assert first.locator("path.line").count() == len(shown)
    assert first.locator("path.band").count() == 1
    assert page.locator("path.formula.line").count() == 2  # a curve and its legend
    names = page.locator(".legend li").all_inner_texts()
    assert len(names) == len(set(names)) == len(shown) + 4
    (_, loss), *_ = charts(records, found)
    assert [p[1] for p in loss.lines[0].points] == shown[0].losses


def test_the_look_follows_the_readers_scheme_and_the_printer(open_page, page, records):
    looks = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        open_page(records)
        looks[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert len(set(looks.values())) == 2
    page.emulate_media(color_scheme="dark", media="print")
    printed = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert printed == looks["light"]


def test_the_page_holds_all_it_needs(records, found, circumstances):
    text = report.page(records, found, circumstances)
    assert set(re.findall(r'\b(?:src|href)="([^"#]+)"', text)) == {"data:,"}
    assert not re.search(r"https?:|@import|url\(|<script", text)


def test_nothing_ran_and_the_page_says_so(open_page, records):
    gone = {"loss": None, "losses": [], "steps": [], "seconds_per_epoch": None}
    gone |= {"status": "failed", "message": "killed by SIGKILL"}
    page = open_page([replace(r, **gone) for r in records])
    assert page.locator("figure").count() == 0
    assert page.locator("tbody .failed").count() == len(FRAMEWORKS)


# ------------------------------------------------------------------------- the command


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_the_command_on_the_page_says_every_setting(tmp_path, optimizer):
    hyperparams = dict(rules.find(optimizer).hyperparams)
    spec = replace(SPEC, optimizer=optimizer, hyperparams=hyperparams, seed=3)
    words = report.command(spec, ["numpy"], tmp_path / "a b.html")
    found = shlex.split(words)
    assert found[:3] == ["d2lopt", "compare", optimizer]
    options = dict(zip(found[3::2], found[4::2], strict=True))
    for name, value in hyperparams.items():
        assert float(options[f"--{name}"]) == value
    assert options["--backends"] == "numpy"
    assert options["--seed"] == "3"
    assert options["--html"] == "a b.html"
    assert "--backends" not in report.command(spec, list(FRAMEWORKS), tmp_path)


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x.html", tmp_path):
        for write in (report.check_writable, lambda path: report.write(path, "")):
            with pytest.raises(
                InputError, match=r"^cannot write .*: .*\. Choose anoth"
            ):
                write(path)
    (tmp_path / "kept").write_text("kept")
    report.check_writable(tmp_path / "kept")
    report.check_writable(tmp_path / "new" / "x.html")
    assert (tmp_path / "kept").read_text() == "kept"
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.processes
def test_the_command_refuses_before_anything_runs(tmp_path):
    def compare(*arguments):
        command = [sys.executable, "-m", "d2lopt", "compare", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    run = compare("rmsprop", "--data", "stand-in", "--html", tmp_path)
    assert run.returncode == 2
    assert run.stdout == ""
    last = run.stderr.splitlines()[-1]
    assert last.startswith(f"d2lopt: cannot write {tmp_path}")
    assert not (tmp_path / "out" / "compare.jsonl").exists()
    assert "--html out/compare.html" in compare("--help").stdout
    small = ["--backends", "numpy", "--data", "stand-in", "--batch-size", "500"]
    run = compare("yogi", *small, "--html", "deep/er/page.html")
    assert run.returncode == 0
    assert run.stderr.endswith("report: deep/er/page.html\n")
    text = (tmp_path / "deep" / "er" / "page.html").read_text(encoding="utf-8")
    line = json.loads((tmp_path / "out" / "compare.jsonl").read_text().splitlines()[0])
    assert f'<data value="{line["loss"]}">' in text


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (0.0, "0"),
        (4.18e-05, "4.2·10⁻⁵"),
        (-4.18e-05, "−4.2·10⁻⁵"),
        (0.25, "0.25"),
        (12.0, "12"),
        (12345.0, "1.2·10⁴"),
        (1e-12, "1.0·10⁻¹²"),
    ],
)
def test_numbers_are_written_as_by_hand(x, words):
    assert sci(x) == words
    assert sci(x, sign=True).lstrip("+") == words
