"""The page of a run: its states, what each test shows, and that names are never more than text."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")
import runs

from pytest_fsfault._report.html.page import page
from pytest_fsfault._report.html.templates import DIRECTORY

_VOID = {"meta", "link", "input", "br"}


class Parsed(HTMLParser):
    """A page: how many elements it has of each name, their attributes, all text, and what was never closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.names, self.open, self.attributes, self.words, self.scripts = Counter(), [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.names[tag] += 1
        self.attributes.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names[tag] += 1
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] in ("script", "style") else self.words).append(data)

    @property
    def text(self):
        """All text that is shown, its blanks as one."""
        return re.sub(r"\s+", " ", "".join(self.words))

    def data(self, name):
        """Return the JSON of a script element."""
        found = [attrs for tag, attrs in self.attributes if tag == "script"]
        return json.loads(self.scripts[1 + [one.get("id") for one in found].index(name)])


def parsed(*tests, **given):
    """Return the page of a run with these tests."""
    return Parsed(page(runs.run(*tests, **given)))


def test_nothing_ran():
    """A run without tests under faults says so; it has no figures, no list and no tables."""
    found = parsed()
    assert "No test ran under faults" in found.text
    assert 0 == found.names["table"] + found.names["nav"] + found.names["details"]
    assert "Tests " not in found.text
    assert "pytest --fsfault-profile defender --fsfault-seed 7" in found.text


def test_one_test_is_open_and_has_no_list():
    """A single test is shown at once, without a list or a filter."""
    found = parsed(runs.retried("test_it.py::test_one"))
    assert 0 == found.names["nav"]
    assert [""] == [attrs["open"] or "" for tag, attrs in found.attributes if attrs.get("class") == "test"]


def test_all_green():
    """Tests with retries come first and are closed; the others are folded by file; there are no causes."""
    found = parsed(
        runs.test("a.py::test_plain"), runs.retried("b.py::test_patient"), runs.test("a.py::test_other")
    )
    assert "All 3 tests passed on an emulated Windows 11 with defender" in found.text
    assert "Why tests failed" not in found.text
    assert "2 more passed; no call was refused" in found.text
    assert "a.py: 2 tests" in found.text
    assert not any("open" in attrs for tag, attrs in found.attributes if attrs.get("class") == "test")


def test_nothing_fired():
    """A run that refused no call says what would have found something."""
    assert "try --fsfault-profile defender" in parsed(runs.test(), scanners=[]).text
    assert "No call was refused: no scanner was in the way" in parsed(runs.test()).text


def test_a_replay():
    """The heading names the file; what the recorded run had and this one had not comes first."""
    lost = runs.retried(
        "b.py::test_lost",
        replay={"as_recorded": 412, "never_came": ["os.remove a", "os.remove b"], "of_other_system": 0},
    )
    found = parsed(runs.test("a.py::test_a"), lost, replay_of="fsfault.json")
    assert "Replay of fsfault.json" in found.text
    assert "412 calls as recorded, 2 recorded calls never came" in found.text
    assert "Never came: os.remove a" in found.text
    assert "Replayed412 calls 2 never came, 3 tests are not in the file" in found.text
    assert "test_lost" == found.data("index")[0][2]


def test_failed_tests_are_open_but_five_at_most():
    """The first five failed tests are open; each has one heading."""
    tests = [runs.retried(f"a.py::test_{n}", outcome="failed", test_outcome="failed") for n in range(8)]
    found = parsed(*tests)
    opened = ["open" in attrs for tag, attrs in found.attributes if attrs.get("class") == "test"]
    assert [True] * 5 + [False] * 3 == opened
    assert 8 == found.names["h3"]
    assert "8 of 8 tests failed" in found.text


def test_a_hold_says_it_in_one_sentence():
    """Who had what open, what the code tried, and by how much it came too early."""
    text = parsed(runs.held()).text
    assert "unpacked/lib.dll is held by defender for another 1.20 s (sharing read)" in text
    assert (
        "So os.replace a.dll → b.dll was refused 4 times, from 0 ms to 300 ms, and the code gave up." in text
    )
    assert "The last attempt came 1.2 s before defender closed the file." in text
    assert "1.2 s too early" in text
    assert "defender reads, shares read" in text


def test_a_hold_that_only_the_reasons_tell_of():
    """The file of an earlier version lists no holds of scanners: they are read from the sentences."""
    test = runs.held()
    test["holds"] = []
    for one in test["calls"]:
        one["hold"] = None
    text = parsed(test).text
    assert "A file was held by defender: os.replace refused with WinError 5" in text
    assert "before defender closed the file" in text


def test_causes_are_grouped():
    """As many rows as there are causes, not tests; each leads to its tests."""
    tests = [runs.retried(f"a.py::test_{n}", outcome="failed", test_outcome="failed") for n in range(9)]
    red = runs.test(
        "b.py::test_red", "failed", failure={"text": "AssertionError: 3.5 s, not 10 s", "check": "Unmet"}
    )
    text = parsed(*tests, red, runs.swept(), runs.held()).text
    assert "A rule refused os.replace with WinError 5" in text
    assert "and 3 more" in text
    assert "A check failed: AssertionError: … s, not … s" in text
    assert "A sweep failed: check_atomic" in text
    assert "A file was held by defender: os.replace refused with WinError 5" in text


LISTED = {
    "class": "PermissionError",
    "winerror": 5,
    "operation": "os.replace",
    "line": "a.py:5",
    "reason": "",
}


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        (LISTED, "PermissionError 5 by os.replace"),
        ({**LISTED, "winerror": None, "operation": None}, "PermissionError"),
    ],
)
def test_a_failure_that_the_baseline_lists(expected, told):
    """It is told as such, not as a test that was left out, and by what it fails."""
    known = runs.test(
        "a.py::test_known",
        "skipped",
        baseline={"status": "known", "expected": expected, "found": expected},
    )
    text = parsed(known, runs.test("a.py::test_left_out", "skipped")).text
    assert f"Failed, as the baseline lists it: {told}" in text
    assert 1 == text.count("Skipped")


def test_a_baseline_that_lists_what_passes():
    """The cause is the list, not a check of the test."""
    text = "it passes, and known.json lists it as PermissionError 5 by os.replace: take it out"
    mended = runs.test("a.py::test_mended", "failed", failure={"text": text, "check": "baseline"})
    assert "The baseline is not up to date: it passes, and known.json lists it" in parsed(mended).text


def test_the_journal_folds_and_numbers():
    """Equal calls in a row are one row with their number; an error is told once, and has a number."""
    calls = [runs.call(n, outcome="raised") for n in range(5)] + [runs.call(5)]
    text = parsed(runs.test(calls=calls)).text
    assert "Journal 6 calls in 2 rows" in text
    assert "0–4" in text
    assert "refused, error 1 ×5" in text
    assert 1 == text.count("PermissionError: [WinError 5] Access is denied: 'a.dll'")


def test_errors_that_differ_in_their_paths_are_one():
    """Ten files that meet one error are one line; each row has its path anyhow."""
    calls = [runs.call(n, path=f"{n}.dll", outcome="raised") for n in range(10)]
    text = parsed(runs.test(calls=calls)).text
    assert "PermissionError: [WinError 5] Access is denied: '0.dll' ×10 9 of them with other paths" in text


def test_a_long_journal_is_data():
    """Over 200 rows: the first fifty as HTML for readers without a script, all of them as data."""
    found = parsed(runs.long_journal(1000))
    assert "The first 50 rows of 1,000; the others need a script." in found.text
    entry = found.data("packet-0")["tests"]["0"]
    assert 1000 == len(entry["rows"])
    assert 1000 == entry["calls"]
    assert 50 == sum("data-n" in attrs for tag, attrs in found.attributes if tag == "tr")


@pytest.mark.parametrize(("rows", "long"), [(200, False), (201, True)])
def test_where_a_journal_becomes_long(rows, long):
    """Two hundred rows are a table."""
    calls = [runs.call(n, path=str(n), at=n / 100) for n in range(rows)]
    found = parsed(runs.retried("a.py::test_a") | {"calls": calls})
    assert long == any(attrs.get("class") == "long only-js" for _, attrs in found.attributes)


def test_a_sweep_is_a_matrix():
    """A row for each step, a column for each fault, once and persistently; failed and healed cells are links."""
    found = parsed(runs.swept())
    assert "2 of 15 trials failed" in found.text
    assert "A second run healed 3 of 3 crashes." in found.text
    assert "5 ACCESS_DENIED" in found.text
    links = {
        attrs["href"] for tag, attrs in found.attributes if tag == "a" and "cell" in attrs.get("class", "")
    }
    targets = {attrs["id"] for _, attrs in found.attributes if "id" in attrs}
    assert 5 == len(links)
    assert {link[1:] for link in links} <= targets
    titles = [attrs.get("title") for tag, attrs in found.attributes if tag == "td" and "title" in attrs]
    assert 10 == len([title for title in titles if re.fullmatch(r"trial \d+", title)])
    assert "– this call cannot meet this fault" in found.text
    assert "site/new.tmp → site/1.exe (first of 3) install.py:91 ← install.py:41" in found.text.replace(
        ")install", ") install"
    )


def test_alike_trials_are_one_group():
    """The check's words, the difference as a tree, and the line that runs one trial."""
    text = parsed(runs.swept()).text
    assert "✕ check_atomic: neither old nor new trials 7, 9" in text
    assert "− old.exe 6 bytes" in text
    assert "+ new.tmp 7 bytes" in text
    assert (
        "pytest 'test_it.py::test_one' --fsfault-profile defender --fsfault-trial 7 --fsfault-seed 7" in text
    )
    assert "--fsfault-trial 9: step 2, ERROR_DISK_FULL persistently" in text


def test_two_sweeps_of_one_test():
    """Each sweep has its matrix; IDs are their own."""
    test = runs.swept()
    test["sweeps"] += [row | {"sweep": 2, "id": f"2-{row['id']}"} for row in test["sweeps"]]
    found = parsed(test)
    ids = [attrs["id"] for _, attrs in found.attributes if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "Sweep 2: Matrix" in found.text
    assert "--fsfault-trial 2-7" in found.text


def test_a_tolerance_is_drawn_against_scanners():
    """How long a hold may last, what that is worth for each scanner, and what published policies wait."""
    found = parsed(runs.tolerance())
    assert "Survives a hold of 10.23 s (11 attempts), fails at 10.24 s" in found.text
    assert "Enough for 3 of 5 scanners at their 99th percentile" in found.text
    assert "mcafee holds 5.2 % of its files longer" in found.text
    dashes = [attrs.get("stroke-dasharray") for tag, attrs in found.attributes if tag == "polyline"]
    assert 4 == len(set(dashes))
    assert "git71 ms, 3 calls" in found.text


def test_a_tolerance_without_figures_of_scanners():
    """The file of an earlier version has none: the sentence stays, the drawing goes."""
    found = parsed(runs.tolerance(), scanners=[])
    assert "Survives a hold of 10.23 s" in found.text
    assert 0 == found.names["polyline"]


def test_a_rule_that_never_fired():
    """It is a warning, with the reason."""
    rule = {
        "rule": "os.replace *.exe -> EACCES", "own": True, "optional": False, "matched": 0, "fired": 0,
        "reason": "3 calls of os.replace, on a.tmp", "closest": None,
    }  # fmt: skip
    found = parsed(runs.test(rules=[rule]), runs.test("b.py::test_b"))
    assert "os.replace *.exe -> EACCES never fired" in found.text
    assert "warning 1" in found.text
    assert "warn" == found.data("index")[0][0]


def test_children_have_names():
    """Calls of child processes and native programs have their own lanes and names."""
    process = {
        "pid": 7, "parent": 100, "program": "/usr/bin/python3 work/worker.py --fast", "native": False, "reached": True,
        "reason": "",
    }  # fmt: skip
    calls = [
        runs.call(0, outcome="raised"), runs.call(1, "unlink", "a.lock", process=8, program="uv"),
        runs.call(2, "os.remove", "b", process=7),
    ]  # fmt: skip
    text = parsed(runs.test(calls=calls, processes=[process])).text
    assert "uv: unlink (native, process 8)" in text
    assert "worker.py (process 7): b" in text
    assert "Child processes: 1, worker.py." in text


@pytest.mark.parametrize("hostile", runs.HOSTILE, ids=ascii)
def test_hostile_names_are_text(hostile, monkeypatch):
    """Wherever a name stands, it is text: no element, no attribute, no end of a script; what hides is written out."""
    monkeypatch.setattr("pytest_fsfault._report.html.page._ELEMENTS", 10**6)
    plain, ill = (
        page(runs.run(*_everywhere(name), command=name, rules=[name])) for name in ("harmless", hostile)
    )
    found, other = Parsed(ill), Parsed(plain)
    assert [] == found.open
    assert _known(found) - {("mark", "")} <= _known(other)
    if not set(hostile) & set("/\n"):  # a name of several lines or directories is shown as such
        assert other.names == found.names - Counter(mark=found.names["mark"])
    assert not re.search("[\u200b-\u200f\u2028-\u202e\ufeff\ud800-\udfff\x00-\x08\x0b-\x1f]", ill)
    assert hostile.encode("unicode_escape", "surrogatepass").decode() in "".join(found.words)
    assert any(hostile in text for entry in found.data("index") for text in entry)


def _known(found):
    """Return which elements a page has, with which attributes."""
    return {(tag, name) for tag, attrs in found.attributes for name in ["", *attrs]}


def _everywhere(name):
    """Return tests that have a name wherever one may stand."""
    swept = runs.swept(name=f"a.py::test_sweep[{name}]")
    for row in swept["sweeps"]:
        row["paths"] = [name, name]
        if row["verdicts"]:
            row["verdicts"] = [{"check": name, "text": name}]
            row["difference"] = [{"path": f"{name}/{name}", "change": "added", "before": None, "after": 1}]
    held = runs.held(name=f"{name}.py::test_held[{name}]", path=name)
    held["holds"][0]["by"] = name
    made = runs.test(f"a.py::test_plain[{name}]", calls=[runs.call(0, path=name)])
    gone = runs.test(f"a.py::test_red[{name}]", "failed", failure={"text": f"{name}", "check": name})
    long = runs.long_journal(250)
    for call in long["calls"]:
        call["path"] = f"{name}-{call['n']}"
    return swept, held, made, gone, long, runs.retried("a.py::test_many", 5, path=name)


def test_nothing_is_loaded():
    """The page asks for nothing: its policy forbids it, and no address stands in it but the link to the JSON."""
    text = page(runs.run(runs.held()), json_link="run.json")
    found = Parsed(text)
    policy = next(attrs["content"] for tag, attrs in found.attributes if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")
    addresses = {
        attrs[name]
        for _, attrs in found.attributes
        for name in ("src", "href", "data", "action")
        if name in attrs
    }
    assert {"data:,", "run.json"} == {one for one in addresses if not one.startswith("#")}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text.replace("https://example.org", ""))


def test_the_script_makes_no_markup():
    """What the script writes is text."""
    with open(f"{DIRECTORY}/report.js", encoding="utf-8") as file:
        script = file.read()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|DOMParser|document\.write|eval\(|Function\(", script
    )


def test_colours_can_be_read():
    """Text has a contrast of 4.5 to 1 or more on each ground it stands on, in light and in dark (WCAG 2.2, 1.4.3)."""
    with open(f"{DIRECTORY}/report.css", encoding="utf-8") as file:
        blocks = re.findall(r":root \{(.*?)\}", file.read(), re.DOTALL)
    assert 2 == len(blocks)
    for block in blocks:
        colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))
        for name in ("text", "soft", "link", "refused", "ok", "hold", "crash", "warn"):
            grounds = [ground for ground in ("bg", "panel", f"{name}-bg") if ground in colour]
            assert {} == {g: r for g in grounds if (r := contrast(colour[name], colour[g])) < 4.5}, name


def contrast(one, other):
    """Return the contrast of two colours (WCAG 2.2, relative luminance)."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    """Return how bright a colour is."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(factor * part for factor, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_large_run_stays_small():
    """Hundreds of tests: a few are in the page, all in the index, their journals in packets."""
    text = page(runs.many(600, calls=4))
    found = Parsed(text)
    assert 600 == len(found.data("index"))
    assert {"packet-0", "packet-5"} <= {attrs.get("id") for tag, attrs in found.attributes if tag == "script"}
    entry = found.data("packet-1")["tests"]["150"]
    assert {"say", "more", "tone", "line", "side", "errors", "failure", "rows", "calls"} == set(entry)
    assert "No call was refused" == entry["say"]


def test_every_failed_test_is_whole():
    """Failed tests beyond the first thirty are in templates, and in full for readers without a script."""
    tests = [runs.retried(f"a.py::test_{n}", outcome="failed", test_outcome="failed") for n in range(70)]
    found = parsed(*tests)
    assert 30 == sum(attrs.get("class") == "test" for _, attrs in found.attributes)
    templates = {attrs["id"] for tag, attrs in found.attributes if tag == "template"}
    assert {"b30", "b69"} <= templates
    assert "a.py::test_69" in found.text
    assert {} == found.data("packet-0")["tests"]


def test_what_is_too_much_is_left_out_and_told(monkeypatch):
    """Beyond its size a page loses journals, and says so."""
    monkeypatch.setattr("pytest_fsfault._report.html.data._MOST", 1)
    assert "The journals of 100 tests are left out" in Parsed(page(runs.many(200, calls=3))).text
