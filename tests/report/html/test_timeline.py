"""The drawing of a time line, from plain lists to markup."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("jinja2")
from pytest_fsfault._report.html.axis import TimeScale
from pytest_fsfault._report.html.timeline import Attempt, Gap, HeldFile, Miss, timeline

NS = "{http://www.w3.org/2000/svg}"


def drawn(**given):
    """Return a drawing as a tree."""
    text = str(timeline("a drawing", **{"end": 1.0, **given})).partition("</svg>\n<p")[0]
    text = text if text.rstrip().endswith("</svg>") else text + "</svg>"
    return ET.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def texts(tree, name="text"):
    """Return the texts of all elements of one name."""
    return ["".join(one.itertext()) for one in tree.iter(NS + name)]


def marks(tree):
    """Return the classes of the marks, in their order."""
    return [one.get("class") for one in tree.iter(NS + "g") if (one.get("class") or "").startswith("mark")]


def percent(element, name="x"):
    """Return a place in percent."""
    return float(element.get(name).removesuffix("%"))


@pytest.mark.parametrize(
    ("outcome", "shape"),
    [
        ("ok", "ok"), ("passed", "ok"), ("raised", "raised"), ("failed", "failed"), ("short", "short"),
        ("crashed", "crashed"),
    ],
)  # fmt: skip
def test_each_outcome_has_its_shape(outcome, shape):
    """What became of a call shows by a shape, and not by its colour alone."""
    tree = drawn(attempts=[Attempt("a", 0.5, outcome, "#7 os.remove", 7)])
    (use,) = tree.iter(NS + "use")
    assert f"#m-{shape}" == use.get("href")
    assert [f"mark {shape}"] == marks(tree)
    (group,) = list(tree.iter(NS + "g"))
    assert "7" == group.get("data-n")


def test_holds_are_bars_with_their_words():
    """A bar begins and ends with the hold; its words stand in it, or beside it if it is short."""
    tree = drawn(
        holds=[HeldFile("a.dll", 0.0, 0.5, "defender reads"), HeldFile("b.dll", 0.5, 0.51, "indexer reads")]
    )
    first, second = [one for one in tree.iter(NS + "rect") if one.get("class") == "hold"]
    assert (1.0, 48.5) == (percent(first), percent(first, "width"))
    assert 49.5 == percent(second)
    assert {"defender reads · 500 ms", "indexer reads · 10 ms"} <= set(texts(tree))
    assert "defender reads, from 0 ms to 500 ms" in texts(tree, "title")


def test_words_that_fit_nowhere_are_cut():
    """A bar in the middle that is too short for its words has their beginning; all of them are its title."""
    long = "MsMpEng.exe (Microsoft Defender) reads, shares everything and everybody, for as long as it likes"
    tree = drawn(holds=[HeldFile("a", 0.3, 0.6, long)])
    (found,) = [text for text in texts(tree) if text.startswith("MsMpEng")]
    assert found.endswith("…")
    assert len(found) < len(long)
    assert any(title.startswith(long) for title in texts(tree, "title"))


def test_a_hold_that_goes_on_ends_with_its_time():
    """What lasts longer than the drawing says until when, and what has no known end shows that it goes on."""
    holds = [HeldFile("a", 0, 90, "x reads"), HeldFile("b", 0, None, "y reads")]
    assert {"x reads · until 90 s ▸", "y reads ▸"} <= set(texts(drawn(holds=holds)))


@pytest.mark.parametrize(("until", "last"), [(3.9, "3.5 s"), (4.1, "1.0 s")])
def test_the_axis_goes_on_to_the_end_of_a_hold_that_refused(until, last):
    """... if that is at most four times as long as the test, whose end then has a line."""
    tree = drawn(holds=[HeldFile("a", 0, until, "x", refused=True)], ended="test ended")
    found = texts(tree)
    assert last in found or "3 s" in found
    assert ("test ended" in found) == (until < 4)


def test_close_attempts_become_a_comb():
    """Marks that would lie on each other are one comb with their number; what became of the last one shows."""
    tries = [Attempt("a", 0.01 * n, "raised", f"#{n}", n) for n in range(30)]
    tree = drawn(attempts=[*tries, Attempt("a", 0.9, "ok", "#30", 30)])
    assert ["mark comb raised", "mark ok"] == marks(tree)
    assert "30 attempts" in texts(tree)
    assert any(title.startswith("30 refused, 0 ms to 290 ms") for title in texts(tree, "title"))


def test_many_attempts_of_all_outcomes_stay_a_few_marks():
    """A lane of ten thousand calls is drawn with a few dozen marks."""
    tries = [Attempt("a", n / 10000, "ok" if n % 2 else "raised") for n in range(10000)]
    assert 30 > len(marks(drawn(attempts=tries)))


def test_waits_are_gaps_with_their_lengths():
    """A wait is a dotted line; its length stands beside it where there is room."""
    tries = [Attempt("a", at, "raised") for at in (0.0, 0.5, 0.55)]
    tree = drawn(attempts=tries, waits=[Gap("a", 0.0, 0.5), Gap("a", 0.5, 0.55)])
    assert 2 == len([one for one in tree.iter(NS + "line") if one.get("class") == "wait"])
    assert "500 ms" in texts(tree)
    assert "50 ms" not in texts(tree)


def test_what_was_missing_is_told():
    """From the last attempt to the end of the hold: how much it came too early."""
    tree = drawn(
        holds=[HeldFile("a", 0, 2.0, "x", refused=True)],
        attempts=[Attempt("a -> b", 0.47, "raised")], misses=[Miss("a -> b", 0.47, 2.0)],
    )  # fmt: skip
    assert "1.53 s too early" in texts(tree)
    (told,) = texts(tree, "desc")
    assert "the last attempt came 1.53 s too early" in told


def test_a_far_longer_wait_is_shortened():
    """A wait of over 20 times all the rest is cut, says its length, and leaves room for the rest."""
    tries = [Attempt("a", at, "raised") for at in (0.0, 0.1, 0.2, 300.2)]
    tree = drawn(attempts=tries, waits=[Gap("a", 0.2, 300.2)], end=300.3)
    assert "300 s, shortened" in texts(tree)
    places = [percent(one) for one in tree.iter(NS + "use")]
    assert places == sorted(places)
    assert 20 < places[1] - places[0]


def test_an_even_axis_is_not_cut():
    """Waits that grow are drawn to scale."""
    axis = TimeScale(10.23, [(5.11, 10.23), (2.55, 5.11)])
    assert [] == axis.breaks
    assert 49.5 == axis.x(10.23 / 2)


def test_lanes_that_tell_nothing_are_left_out():
    """Beyond twelve lanes, those with a refusal or a hold are drawn, and the others are counted."""
    tries = [Attempt(f"f{n}", n / 40, "raised" if n < 3 else "ok") for n in range(33)]
    text = str(timeline("a drawing", attempts=tries, holds=[HeldFile("h", 0, 1, "x")], end=1))
    assert "30 more lanes, in the journal below." in text
    assert all(f">{name}</text>" in text for name in ("h", "f0", "f1", "f2"))
    assert ">f3</text>" not in text


def test_children_have_a_line_of_their_own():
    """Calls of other processes are indented, on a dotted line."""
    tree = drawn(attempts=[Attempt("uv: unlink (native, process 7)", 0.5, "ok", child=True)])
    assert 1 == len([one for one in tree.iter(NS + "line") if one.get("class") == "native"])


@pytest.mark.parametrize(
    "hostile", ["</title><script>alert(1)</script>", "\x1b[31m\u202egpj.dll", "a\udc80b", "&lt;"]
)
def test_hostile_names_are_text(hostile):
    """Names, titles and words are escaped, and characters that would not be seen are written out."""
    tree = drawn(
        holds=[HeldFile(hostile, 0, 1, hostile, hostile)], attempts=[Attempt(hostile, 0.5, "raised", hostile, 1)],
    )  # fmt: skip
    clear = hostile.encode("unicode_escape", "surrogatepass").decode()
    assert clear in texts(tree)
    assert clear in texts(tree, "title")
    assert not list(tree.iter(NS + "script"))


def test_nothing_is_an_empty_drawing():
    """A test without calls and without time draws an axis."""
    assert ["0"] == texts(drawn(end=0.0))[:1]


@pytest.mark.parametrize("end", [1e-5, 0.0031, 0.66, 10.2, 300.4, 7200.0])
def test_ticks_are_round_and_apart(end):
    """Labels of the axis never lie on each other, and none is beyond the end."""
    ticks = list(TimeScale(end).ticks())
    assert 2 <= len(ticks) <= 12
    assert all(b.x - a.x >= 7 for a, b in itertools.pairwise(ticks))
    assert all(1 <= tick.x <= 98 for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)
