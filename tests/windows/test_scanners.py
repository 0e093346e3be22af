"""Scanners as data and luck: times, globs, known ones with their sources."""

from __future__ import annotations

import dataclasses
import math
import os
import random
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_fsfault import FsFaultError, inject
from pytest_fsfault._core.language.tokens import duration_text
from pytest_fsfault._windows.holders import scanners
from pytest_fsfault._windows.holders.scanners import NAMES, Draws, HoldTime, listing, scanner
from pytest_fsfault._windows.sharing import DELETE, READ, WRITE

FORMS = "'31ms..800ms' (a range), 'lognormal(31ms, 265ms)' (median and 99th percentile) or '250ms'"
SECONDS = st.floats(min_value=1e-6, max_value=1e6)
PAIRS = st.tuples(SECONDS, SECONDS).map(sorted).filter(lambda pair: pair[0] < pair[1])
TIMES = st.one_of(
    SECONDS.map(lambda low: HoldTime(low, low)),
    PAIRS.map(lambda pair: HoldTime(*pair)),
    PAIRS.map(lambda pair: HoldTime(*pair, lognormal=True)),
)


@given(TIMES)
def test_a_time_reads_back(time):
    """The text of a time is read back as an equal one."""
    assert time == HoldTime.parse("hold", str(time))


@given(TIMES, st.integers())
def test_a_time_is_drawn_within_its_bounds(time, seed):
    """A range keeps within its ends, a log-normal time is finite and above 0."""
    drawn = time.draw(random.Random(seed))
    low, high = (0, math.inf) if time.lognormal else (time.low, time.high)
    assert low <= drawn <= high
    assert 0 < drawn < math.inf


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("250ms", HoldTime(0.25, 0.25)),
        ("31ms..800ms", HoldTime(0.031, 0.8)),
        (" 31ms .. 800ms ", HoldTime(0.031, 0.8)),
        ("0ms..1m", HoldTime(0, 60)),
        ("1s..1s", HoldTime(1, 1)),
        ("lognormal(31ms, 265ms)", HoldTime(0.031, 0.265, lognormal=True)),
        ("lognormal(1s,2s) ", HoldTime(1, 2, lognormal=True)),
    ],
)
def test_ways_to_write_a_time(text, time):
    """A duration, a range of two, and a log-normal by median and 99th percentile; blanks do not matter."""
    assert time == HoldTime.parse("hold", text)


def test_a_time_without_choice_draws_nothing():
    """A constant delay leaves the luck of the holds that follow as it is."""
    luck = random.Random(1)
    before = luck.getstate()
    assert 0.25 == HoldTime(0.25, 0.25).draw(luck)
    assert before == luck.getstate()


def test_a_time_of_any_width_is_finite():
    """The widest log-normal that can be written neither overflows nor raises."""
    widest = HoldTime.parse("hold", f"lognormal(1ms, {'9' * 300}m)")
    luck = random.Random(1)
    assert all(math.isfinite(widest.draw(luck)) for _ in range(1_000))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"hold": "nan"}, f"hold='nan': 'nan' is not a valid duration; write {FORMS}"),
        ({"hold": "inf"}, f"hold='inf': 'inf' is not a valid duration; write {FORMS}"),
        ({"hold": ""}, f"hold='': '' is not a valid duration; write {FORMS}"),
        ({"hold": "1s.."}, f"hold='1s..': '' is not a valid duration; write {FORMS}"),
        (
            {"hold": "lognormal(1s)"},
            f"hold='lognormal(1s)': 'lognormal(1s)' is not a valid duration; write {FORMS}",
        ),
        (
            {"hold": "lognormal(1s, x)"},
            f"hold='lognormal(1s, x)': 'x' is not a valid duration; write {FORMS}",
        ),
        (
            {"hold": "lognormal(1s, 1s)"},
            "hold='lognormal(1s, 1s)' is not valid: the 99th percentile has to be above the median, that above 0",
        ),
        (
            {"hold": "lognormal(0s, 1s)"},
            "hold='lognormal(0s, 1s)' is not valid: the 99th percentile has to be above the median, that above 0",
        ),
        (
            {"hold": "poisson(1s, 2s)"},
            f"hold='poisson(1s, 2s)': 'poisson' is not a known distribution; write {FORMS}",
        ),
        ({"delay": "2s..1s"}, "delay='2s..1s' ends before it begins; write the shorter time first"),
        ({"share": 3}, "share=3 is not valid; write letters out of r (read), w (write) and d (delete)"),
        (
            {"on": "*.exe,,*.dll"},
            "on='*.exe,,*.dll' names no files; write globs separated by commas, such as on='*.exe,*.dll'",
        ),
        ({"on": []}, "on=[] names no files; write globs separated by commas, such as on='*.exe,*.dll'"),
        (
            {"on": ["*.exe", 3]},
            "on=['*.exe', 3] names no files; write globs separated by commas, such as on='*.exe,*.dll'",
        ),
        ({"hold": "p99"}, f"hold='p99' needs a known scanner; write its name, or hold= {FORMS}"),
        ({"name": "Defender"}, "unknown scanner 'Defender'; did you mean 'defender'?"),
        (
            {"name": "x"},
            "unknown scanner 'x'; write defender, trellix, crowdstrike, avast, mcafee, zscaler or indexer",
        ),
    ],
)
def test_mistakes(made, message):
    """One sentence: what was written, why it cannot be, what to write instead."""
    with pytest.raises(FsFaultError) as caught:
        scanner(**made)
    assert message == str(caught.value)


def test_a_scanner_of_ones_own():
    """Without a name it is the usual one, and each keyword takes the place of a figure."""
    usual = scanner()
    assert ("scanner", READ, HoldTime(0.031, 0.8), HoldTime(0, 0)) == (
        usual.name, usual.share, usual.hold, usual.delay,
    )  # fmt: skip
    assert ("*.exe", "*.dll", "*.pyd", "*.py") == usual.on
    own = scanner("trellix", hold="1s", share="dw", on="*.BIN", delay="5ms")
    assert ("trellix", WRITE | DELETE, HoldTime(1, 1), HoldTime(0.005, 0.005), ("*.bin",)) == (
        own.name, own.share, own.hold, own.delay, own.on,
    )  # fmt: skip
    assert 0 == scanner(share="").share


@pytest.mark.parametrize("on", ["*.exe, *.DLL", ["*.exe", "*.dll"], ("*.exe,*.dll",)])
def test_which_names_concern_a_scanner(on):
    """Globs are a text or a list of texts, and case does not matter on either side."""
    names = ["a.exe", "SETUP.EXE", "b.dll", "b.dll.tmp", "exe", "a.py"]
    assert ["a.exe", "SETUP.EXE", "b.dll"] == [name for name in names if scanner(on=on).concerns(name)]


def test_luck_is_one_generator_for_each_scanner_and_path():
    """Draws for one path go on, and those for other paths and by other scanners in between change nothing."""
    avast, mcafee = scanner("avast"), scanner("mcafee")
    alone, among = Draws(7), Draws(7)
    expected = [alone.seconds(avast, "a/b.exe") for _ in range(3)]
    found = []
    for number in range(3):
        among.seconds(mcafee, "a/b.exe")
        among.waits(avast, f"{number}.exe")
        found.append(among.seconds(avast, "a/b.exe"))
    assert expected == found
    assert 3 == len(set(expected))
    assert expected[0] != Draws(8).seconds(avast, "a/b.exe")
    assert expected[0] != alone.seconds(mcafee, "a/b.exe")


def test_luck_is_the_same_in_every_process():
    """For one seed the times are these, in any process and under any Python."""
    code = (
        "from pytest_fsfault._windows.holders.scanners import Draws, scanner\n"
        "times = [scanner(hold=hold) for hold in ('31ms..800ms', 'lognormal(31ms, 265ms)')]\n"
        "print([round(Draws(3).seconds(each, 'a/b.exe'), 9) for each in times])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-c", code]
    assert "[0.064115343, 0.074250115]" == subprocess.check_output(run, env=environment, text=True).strip()


@pytest.mark.parametrize("name", NAMES)
def test_each_known_scanner_has_its_source(name):
    """Beside the figures stand a public thread or page, and what of them is only our reading."""
    table = scanners._table()[name]
    assert {"hold", "share", "on", "delay", "process", "source", "note"} == set(table)
    assert re.search(r"[\w.-]+/[\w.-]+#\d+", table["source"])
    assert "Our reading" in table["note"]


def test_known_scanners_are_those_of_the_data():
    """No name without figures, no figures without a name."""
    assert list(NAMES) == list(scanners._table())


def test_each_known_process_has_its_source():
    """A process that is named for its product has a public source; a scanner's own process is named as in messages."""
    for name, entry in scanners._data()["processes"].items():
        assert {"product", "source"} == set(entry)
        assert name.endswith(".exe")
        assert re.match(r"https://\S+$|[\w.-]+/[\w.-]+[#,] ?\S+", entry["source"]), name
    known = scanners.processes()
    assert ("Microsoft Defender", "Trellix", "Windows Search") == tuple(
        known[name] for name in ("msmpeng.exe", "mfetp.exe", "searchprotocolhost.exe")
    )
    assert "Malwarebytes" == known["mbamservice.exe"]
    assert set(known) == {name.lower() for name in known}


def test_known_scanners_are_listed():
    """Each with its figures, as they are written in a call."""
    listed = dict(listing())
    assert list(NAMES) == list(listed)
    assert (
        "hold lognormal(1s, 28s), share 'rwd', on *.exe,*.dll,*.pyd,*.sys,*.msi,*.html,*.js, delay 0ms"
        == (listed["mcafee"])
    )


def test_the_figures_are_read_whatever_is_refused():
    """No rule reaches the reading of the data, not even with the package below a root."""
    scanners._data.cache_clear()
    root = os.path.dirname(os.path.dirname(scanners.__file__))
    with inject("any -> EACCES or never", roots=[root]) as fsfault:
        assert "defender" in scanners._table()
        assert [] == fsfault.journal.faults


def test_the_figures_are_read_under_pyfakefs():
    """A fake file system, which lacks the package's files, does not hide them."""
    unittest = pytest.importorskip("pyfakefs.fake_filesystem_unittest")
    scanners._data.cache_clear()
    with unittest.Patcher():
        assert not os.path.exists(scanners.__file__)
        assert "defender" in scanners._table()


def test_a_duration_of_a_listed_time_is_as_rules_write_it():
    """Times print in the durations of rules."""
    assert f"{duration_text(0.031)}..{duration_text(60)}" == str(HoldTime(0.031, 60))


@pytest.mark.parametrize("name", NAMES)
def test_the_worst_case_of_a_known_scanner_draws_nothing(name):
    """`hold="p99"` holds each file for the scanner's 99th percentile, whatever the seed."""
    usual, worst = scanner(name), scanner(name, hold="p99")
    assert usual.hold.p99 == pytest.approx(worst.hold.low, abs=0.001) == worst.hold.high
    assert dataclasses.replace(usual, hold=worst.hold) == worst
    assert {worst.hold.draw(random.Random(seed)) for seed in range(5)} == {worst.hold.low}
