"""The page in a real browser: what a reader clicks, types and sees; the console stays empty."""

from __future__ import annotations

import pytest

pytest.importorskip("jinja2")
import browser
import runs

from pytest_fsfault._report.html.page import page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.program() is None, reason="there is no Chromium here"),
]
EMPTY = '<!DOCTYPE html><html lang="en"><title>empty</title><body></body></html>'
MARK = '#t0 .mark[data-n="0"]'


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """Return a browser."""
    found = browser.Chromium(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def shown(chromium, tmp_path):
    """Return a function that opens the page of a run; at the end the console has no error, and nothing was loaded."""
    chromium.errors.clear()
    chromium.requests.clear()
    chromium.scheme("light")

    def shown(*tests, width=1400, fragment="", document=None, scripts=True, **given):
        chromium.resize(width)
        path = tmp_path / "report.html"
        path.write_text(page(document or runs.run(*tests, **given), json_link="run.json"), "utf-8")
        chromium.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        chromium.go(path.as_uri() + fragment)
        if scripts:
            chromium.settle()
        return chromium

    yield shown
    assert [] == chromium.errors
    assert {"file"} == {address.partition(":")[0] for address in chromium.requests if address[:5] != "data:"}


def count(chromium, selector):
    """Return how many elements there are."""
    return chromium.js(f"document.querySelectorAll({selector!r}).length")


def text(chromium, selector):
    """Return the text of the first element as it is seen."""
    return chromium.js(f"document.querySelector({selector!r}).innerText")


def everything(name="a.dll"):
    """Return a run with each kind of test."""
    return [
        runs.held(path=name), runs.swept(), runs.tolerance(), runs.long_journal(), runs.retried("b.py::test_patient"),
        *(runs.test(f"c.py::test_{n}", calls=[runs.call(0, path=name)]) for n in range(5)),
    ]  # fmt: skip


def test_a_mark_and_its_row_light_up(shown):
    """The mouse on a mark of the time line lights up its row, and goes away again."""
    chromium = shown(*everything())
    chromium.hover("#t0 .mark use")
    assert 1 == count(chromium, "#t0 tr.lit")
    assert "os.replace" in text(chromium, "#t0 tr.lit")
    chromium.hover("#t0 .why")
    assert 0 == count(chromium, ".lit")


def test_a_cell_opens_its_trial(shown):
    """A click on a cell opens the difference and the line for this trial."""
    chromium = shown(*everything())
    assert not chromium.js("document.querySelector('.trial').open")
    chromium.click('a.cell[href="#t1-1-trial-7"]')
    assert chromium.js("document.querySelector('.trial').open")
    assert "− old.exe 6 bytes" in text(chromium, ".trial .tree").replace("\n", " ")
    assert "--fsfault-trial 7" in text(chromium, "#t1-1-trial-7")
    assert 0 <= chromium.js("document.getElementById('t1-1-trial-7').getBoundingClientRect().top") < 900


def test_a_matrix_is_walked_with_arrows(shown):
    """One stop for Tab; arrows go from link to link and over what is no link; Enter opens."""
    chromium = shown(*everything())
    assert 1 == count(chromium, '.matrix a[tabindex="0"]')
    chromium.js("document.querySelector('.matrix a').focus()")
    here = "document.activeElement.getAttribute('href')"
    assert "#t1-1-trial-5" == chromium.js(here)
    for key, trial in [
        ("ArrowDown", 10),
        ("ArrowLeft", 9),
        ("ArrowLeft", 7),
        ("ArrowLeft", 7),
        ("ArrowRight", 9),
    ]:
        chromium.key(key)
        assert f"#t1-1-trial-{trial}" == chromium.js(here)
    chromium.key("Enter")
    assert chromium.js("document.getElementById('t1-1-trial-9').closest('.trial').open")
    chromium.js("document.querySelector('.matrix a[tabindex=\"0\"]').focus()")
    chromium.key("Tab")
    assert not chromium.js("document.activeElement.matches('.matrix a')")


def test_keys_alone_open_a_test(shown):
    """Tab comes to the heading of a test; Enter opens and closes it."""
    chromium = shown(*everything())
    chromium.key("Tab")
    assert "Skip to the tests" == chromium.js("document.activeElement.textContent")
    chromium.js("document.querySelector('.test:not([open]) > summary').focus()")
    before = count(chromium, ".test[open]")
    chromium.key("Enter")
    assert before + 1 == count(chromium, ".test[open]")
    chromium.key("Enter")
    assert before == count(chromium, ".test[open]")


def test_the_list_is_filtered(shown):
    """By words of names, errors and holders, and by outcome; the tests follow."""
    chromium = shown(*everything())
    chromium.type("#words", "DEFENDER winerror")
    assert "1 of 10 shown" == text(chromium, "#shown")
    assert [True] + [False] * 3 == chromium.js(
        "[...document.querySelectorAll('.test')].map(one => !one.hidden).slice(0, 4)"
    )
    chromium.type("#words", "nothing has this")
    assert "0 of 10 shown" == text(chromium, "#shown")
    chromium.js("words.value = ''; words.oninput()")
    chromium.click('.chips input[value="failed"]')
    assert "8 of 10 shown" == text(chromium, "#shown")


def test_a_journal_is_filtered(shown):
    """Words above a journal leave the rows that have them."""
    calls = [runs.call(n, "os.remove" if n == 3 else "open", f"{n}.dll", "raised") for n in range(9)]
    chromium = shown(runs.test(calls=calls))
    chromium.js("document.querySelectorAll('#t0 details').forEach(one => { one.open = true; })")
    chromium.type("#t0 .find input", "OS.REMOVE 3.dll")
    assert 1 == count(chromium, "#t0 .journal tbody tr:not([hidden])")
    assert "1 of 9 rows" == text(chromium, "#t0 .find span").strip()


def test_a_long_journal_is_drawn_as_it_is_seen(shown):
    """Of 5,000 rows a few dozen exist; scrolled to the end, the last are there; the filter searches all."""
    chromium = shown(runs.long_journal(), runs.test())
    chromium.click("#t0 ~ *, .test > summary") if not chromium.js(
        "document.querySelector('.test').open"
    ) else None
    assert 50 > count(chromium, ".long tbody tr")
    assert "5001" == chromium.js("document.querySelector('.long table').getAttribute('aria-rowcount')")
    chromium.js("document.querySelector('.long').scrollTop = 1e9")
    chromium.settle()
    assert "4999" in text(chromium, ".long tbody")
    chromium.type("#t0 .find input", "pkg-1666.whl")
    assert ["4998", "4999"] == chromium.js(
        "[...document.querySelectorAll('.long tr[data-n]')].map(row => row.dataset.n)"
    )
    chromium.type("#t0 .find input", "refused")
    assert "167 of 5,000 rows" == text(chromium, "#t0 .find span").strip()


def test_a_line_is_copied(shown):
    """The button copies the line that reproduces the test."""
    chromium = shown(runs.held())
    chromium.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    chromium.ask("Page.bringToFront")
    chromium.click("#t0 .line button")
    said = text(chromium, "#t0 .line button")
    assert said in ("Copied", "Selected")
    taken = "navigator.clipboard.readText()" if said == "Copied" else "getSelection().toString()"
    assert "pytest 'test_it.py::test_one' --fsfault-profile defender --fsfault-seed 7" == chromium.js(taken)


def test_a_plain_test_is_made_when_it_is_asked_for(shown):
    """What is not in the page at first is made from the data: its sentence, its line, its journal."""
    chromium = shown(*everything("\u202e<b>.dll"), fragment="#t6")
    assert "No call was refused" == text(chromium, "#t6 .say")
    assert 1 == count(chromium, "#t6 .line button")
    assert "\\u202e<b>.dll" in text(chromium, "#t6 .long tbody")
    assert chromium.js("document.querySelector('.test[data-test=\"6\"]').open")


@pytest.mark.parametrize("hostile", runs.HOSTILE, ids=ascii)
def test_hostile_names_do_nothing(shown, hostile):
    """No name becomes markup in any part of the page, and no script of a name runs."""
    tests = [
        runs.held(name=f"a.py::test[{hostile}]", path=hostile),
        *(runs.test(f"{hostile}::test_{n}", calls=[runs.call(0, path=hostile)]) for n in range(3)),
    ]  # fmt: skip
    chromium = shown(*tests)
    scripts = count(chromium, "script")
    for number in range(4):
        chromium.js(f"location.hash = '#t{number}'")
        chromium.settle()
    assert scripts == count(chromium, "script")
    assert 0 == count(chromium, "[onload], [onerror]")
    assert not chromium.js("[...document.querySelectorAll('b')].some(one => one.textContent === 'bold')")
    clear = hostile.encode("unicode_escape", "surrogatepass").decode()
    assert clear in text(chromium, "#t2 .long tbody")


WIDTHS = (400, 900, 1400)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_page(shown, chromium, width, scheme):
    """At three widths, light and dark, no part makes the page scroll sideways."""
    chromium.scheme(scheme)
    shown(*everything("a/very/long/" + "path/" * 30 + "name.dll"), width=width)
    chromium.js("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    chromium.settle()
    assert chromium.js("document.documentElement.scrollWidth <= innerWidth")
    dark = chromium.js("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    assert dark == (scheme == "dark")


STATES = {
    "nothing ran": [],
    "one": [runs.held()],
    "green": [runs.retried("a.py::test_a"), runs.test("a.py::test_b")],
    "nothing fired": [runs.test("a.py::test_a"), runs.test("a.py::test_b")],
    "all": everything(),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state(shown, state):
    """Each state is a page with one heading, and prints."""
    chromium = shown(*STATES[state])
    assert 1 == count(chromium, "h1")
    assert chromium.pdf().startswith(b"%PDF")


def test_failed_tests_are_printed_open(shown):
    """Printed, failed tests and their trials are open, in the colours of paper; then they are as before."""
    chromium = shown(runs.swept(), runs.retried("a.py::test_a"))
    chromium.click(".test > summary")
    assert 0 == count(chromium, ".test[open]")
    chromium.js("dispatchEvent(new Event('beforeprint'))")
    assert (1, 2) == (count(chromium, ".test[open]"), count(chromium, ".test[open] .trial[open]") or 2)
    chromium.scheme("dark", media="print")
    assert "rgb(255, 255, 255)" == chromium.js("getComputedStyle(document.body).backgroundColor")
    chromium.scheme("light")
    chromium.js("dispatchEvent(new Event('afterprint'))")
    assert 0 == count(chromium, ".test[open]")


def test_without_a_script(shown):
    """Failed tests can be read whole, trials be opened by links, and the first rows of a long journal."""
    chromium = shown(*everything(), scripts=False)
    root = chromium.ask("DOM.getDocument", depth=-1)["root"]["nodeId"]

    def visible(selector):
        node = chromium.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        return node and chromium.ask("DOM.getBoxModel", nodeId=node)["model"]["height"] > 0

    assert visible("#t0 .say")
    assert visible("#t0 .journal tr")
    assert visible("#t1 .matrix")
    html = chromium.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"]
    assert "The first 50 rows of 5,000" in html


def test_five_thousand_tests(shown, chromium, tmp_path):
    """100,000 calls: below 20 MB, at most 2,000 elements, loaded within ten times the time of an empty page."""
    empty = tmp_path / "empty.html"
    empty.write_text(EMPTY)
    shown(document=runs.many(5000))
    assert 2000 >= count(chromium, "*")
    large = tmp_path / "report.html"
    assert 20_000_000 > large.stat().st_size
    tries = [
        [chromium.go(path.as_uri()) for path in (empty, large)] for _ in range(15)
    ]  # whatever else the machine does
    times = dict(zip((empty, large), map(min, zip(*tries, strict=True)), strict=True))
    assert times[large] <= 10 * times[empty], times
    assert "5,000 tests" == text(chromium, "#shown")
    chromium.type("#words", "test_4999")
    assert "1 of 5,000 shown" == text(chromium, "#shown")
    chromium.click("#rows a")
    assert "No call was refused" == text(chromium, ".test:last-of-type .say")
    chromium.settle()
    assert 20 == count(chromium, ".test:last-of-type .long tr[data-n]")
    chromium.js("words.value = ''; words.oninput(); rows.scrollTop = 1e9")
    chromium.settle()
    assert "test_4998" in text(chromium, "#rows")
    assert 2000 >= count(chromium, "*")
