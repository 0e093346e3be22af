"""Scanners and explanations: who reacts to what is written, and what a refusal says."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import time
import zipfile

import pytest
from skips import left_to_windows

from pytest_fsfault import FsFaultError, inject
from pytest_fsfault._windows.holders.scanners import NAMES, Draws, HoldTime, scanner


def test_a_wheel_under_a_scanner(tmp_path):
    """Unzip, rename the directory: refused with 5, retried as uv does it, accepted."""
    with zipfile.ZipFile(tmp_path / "numpy.whl", "w") as archive:
        archive.writestr("numpy.libs/libopenblas64.dll", b"MZ")
        archive.writestr("numpy/__init__.py", b"")
    waits = [0.01 * 2**number for number in range(10)]
    assert 10.23 == pytest.approx(sum(waits))
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().scanner("defender", hold="1s", on="*.dll")
        with zipfile.ZipFile(tmp_path / "numpy.whl") as archive:
            archive.extractall(tmp_path / ".tmpX")
        for wait in waits:
            try:
                os.rename(tmp_path / ".tmpX", tmp_path / "cache")
                break
            except PermissionError as error:
                assert 5 == error.winerror
                time.sleep(wait)
        fsfault.assert_retried("os.rename", attempts=8, within=1.271)
        assert waits[:7] == fsfault.clock.slept


def test_what_a_refusal_says(tmp_path):
    """The exception's notes and the journal say who, since where, and for how long."""
    for name in ("ruff.exe", "b.dll"):
        (tmp_path / name).touch()
    (tmp_path / "cache/.tmpX").mkdir(parents=True)
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        windows = fsfault.windows()
        windows.scanner("defender", hold="1.83s", share="r", on="libopenblas.dll")
        windows.run(tmp_path / "ruff.exe")
        (tmp_path / "cache/.tmpX/libopenblas.dll").write_text("x")
        calls = [
            (os.remove, tmp_path / "ruff.exe"),
            (os.remove, tmp_path / "cache/.tmpX/libopenblas.dll"),
            (os.rename, tmp_path / "cache/.tmpX", tmp_path / "cache/numpy"),
        ]
        said = []
        for call, *paths in calls:
            with pytest.raises(PermissionError) as caught:
                call(*paths)
            said += caught.value.__notes__
        assert said == [entry.reason for entry in fsfault.journal.faults]
    assert "ruff.exe is running (declared at test_actors.py:" in said[0]
    held = "libopenblas.dll is held by MsMpEng.exe (Microsoft Defender) for another 1.83 s (sharing read)"
    assert [held, f"cache/.tmpX holds an open file below: {held}"] == said[1:]


@left_to_windows("a file that is really open")
def test_what_this_process_has_open_is_said_too(tmp_path):
    """The descriptor of an open file is named."""
    (tmp_path / "log").touch()
    with inject(windows="11", roots=[tmp_path]), open(tmp_path / "log") as file:
        with pytest.raises(PermissionError) as caught:
            os.remove(tmp_path / "log")
        assert [f"log: open in this process (descriptor {file.fileno()})"] == caught.value.__notes__


def test_what_any_system_refuses_is_no_fault(tmp_path):
    """A missing file is Windows' own error, without a note, and not in the journal."""
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        with pytest.raises(FileNotFoundError) as caught:
            os.remove(tmp_path / "nothing")
        assert 2 == caught.value.winerror
        assert not hasattr(caught.value, "__notes__")
        assert [] == fsfault.journal.faults


def test_luck_is_the_same_again(tmp_path):
    """For one seed, each file's hold is the same in each run, whatever else is written."""

    def untils(*names):
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        with inject(windows="11", roots=[tmp_path], seed=3) as fsfault:
            fsfault.windows().scanner("avast", on="*")
            for name in names:
                (tmp_path / name).write_text(name)
            holds = fsfault.windows().holds
            return {hold.path.rpartition("/")[2]: round(hold.until - hold.since, 9) for hold in holds}

    both = untils("a", "b")
    assert {"a", "b"} == set(both)
    assert {"b": both["b"]} == untils("b")


def test_log_normal_times():
    """Median and 99th percentile are those that were asked for."""
    span, luck = HoldTime.parse("hold", "lognormal(31ms, 265ms)"), random.Random(1)
    times = sorted(span.draw(luck) for _ in range(20_000))
    assert 0.031 == pytest.approx(statistics.median(times), rel=0.05)
    assert 0.265 == pytest.approx(times[19_800], rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_known_scanners(name):
    """Each has figures that read back as they are written."""
    found = scanner(name)
    assert found.hold == HoldTime.parse("hold", str(found.hold))
    assert found.concerns("SETUP.EXE") is ("*.exe" in found.on)
    draws = Draws(0)
    assert 0 < draws.seconds(found, "a/b.exe") != draws.seconds(found, "a/c.exe")


FORMS = "'31ms..800ms' (a range), 'lognormal(31ms, 265ms)' (median and 99th percentile) or '250ms'"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "defendr"}, "unknown scanner 'defendr'; did you mean 'defender'?"),
        ({"name": 3}, "unknown scanner 3; write " + ", ".join(NAMES[:-1]) + " or indexer"),
        ({"hold": "fast"}, f"hold='fast': 'fast' is not a valid duration; write {FORMS}"),
        ({"hold": 3}, f"hold=3 is not a time; write {FORMS}"),
        ({"hold": "2s..1s"}, "hold='2s..1s' ends before it begins; write the shorter time first"),
        ({"hold": "0ms"}, "hold='0ms' holds nothing; write a time above 0"),
        ({"hold": "-1s"}, f"hold='-1s': '-1s' is not a valid duration; write {FORMS}"),
        (
            {"hold": "lognormal(2s, 1s)"},
            "hold='lognormal(2s, 1s)' is not valid: the 99th percentile has to be above the median, that above 0",
        ),
        (
            {"hold": "lognorm(1s, 2s)"},
            "hold='lognorm(1s, 2s)': 'lognorm' is not a known distribution; did you mean 'lognormal'?",
        ),
        ({"share": "x"}, "share='x' is not valid; write letters out of r (read), w (write) and d (delete)"),
        ({"on": ""}, "on='' names no files; write globs separated by commas, such as on='*.exe,*.dll'"),
        ({"delay": "soon"}, f"delay='soon': 'soon' is not a valid duration; write {FORMS}"),
    ],
)
def test_scanner_mistakes(given, message, tmp_path):
    """One sentence each, and no scanner."""
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        with pytest.raises(FsFaultError) as caught:
            fsfault.windows().scanner(**given)
        assert message == str(caught.value)
        (tmp_path / "a.exe").write_text("x")
        assert [] == fsfault.windows().holds
