"""Subject P2: `replace` of pip 26.3, unchanged, which tries every 0.25 s for one second.

`os.replace` is bound in a closure when pip is imported, `perf_counter` and `sleep` by name
(pip 26.3, src/pip/_internal/utils/filesystem.py and retry.py).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pip
import pytest
from pip._internal.utils.filesystem import replace

# In a tuple the exchange of names does not find it: this reading stays real.
_REAL = (time.perf_counter,)

pytestmark = pytest.mark.skipif(
    pip.__version__ != "26.3" and not os.environ.get("CI"),
    reason=f"the figures are those of pip 26.3, and this is {pip.__version__}; install '.[test]'",
)
_ERRORS = pytest.mark.parametrize(
    ("error", "winerror", "text"),
    [
        ("ERROR_ACCESS_DENIED", 5, "Access is denied"),
        (
            "WinError 32",
            32,
            "The process cannot access the file because it is being used by another process",
        ),
    ],
)


@pytest.fixture
def files(tmp_path):
    """Return a new file and the old one in its place."""
    new, old = tmp_path / "new.exe", tmp_path / "tool.exe"
    new.write_text("new", "utf-8")
    old.write_text("old", "utf-8")
    return str(new), str(old)


def _text(path):
    return Path(path).read_text("utf-8")


def test_it_is_the_release():
    """Where the suite has to run, it runs with the pip that the figures are of."""
    assert "26.3" == pip.__version__


@_ERRORS
@pytest.mark.parametrize(("refusals", "seconds"), [(1, 0.25), (2, 0.50), (4, 1.00)])
def test_a_hold_is_outlasted(error, winerror, text, refusals, seconds, files, fsfault):
    """The replace succeeds after so many refusals, and so many seconds of virtual time."""
    rule = fsfault.add(f"os.replace -> {error} when first {refusals}")
    replace(*files)
    new, old = files
    assert (False, "new") == (os.path.exists(new), _text(old))
    assert [0.25] * refusals == fsfault.clock.slept
    assert pytest.approx(seconds, abs=0.01) == fsfault.clock.now
    [retry] = fsfault.retries("os.replace")
    assert (refusals + 1, (0.25,) * refusals, seconds) == (retry.attempts, retry.waits, retry.total_wait)
    assert [(winerror, text)] * refusals == [(one.winerror, one.strerror) for one in retry.errors]
    assert (refusals, refusals + 1) == (rule.fired, rule.matched)


@_ERRORS
def test_an_endless_hold_ends_with_the_injected_error(error, winerror, text, files, fsfault):
    """After 1.00 s and five calls the error comes out as it went in; both files are as they were."""
    fsfault.add(f"os.replace -> {error}")
    with pytest.raises(PermissionError) as caught:
        replace(*files)
    new, old = files
    assert f"[WinError {winerror}] {text}: {new!r} -> {old!r}" == str(caught.value)
    assert ["new", "old"] == [*map(_text, files)]
    assert [0.25] * 4 == fsfault.clock.slept
    assert pytest.approx(1.00, abs=0.01) == fsfault.clock.now
    [retry] = fsfault.retries("os.replace")
    assert (5, "failed", 5) == (retry.attempts, retry.outcome, len(fsfault.journal.of("os.replace")))


@pytest.mark.fsfault("os.replace -> ERROR_SHARING_VIOLATION when first 4 per path")
def test_waiting_takes_no_real_time(tmp_path, fsfault):
    """Forty files that are held for a second each take less than a tenth of the forty seconds."""
    names = [str(tmp_path / f"{number}.exe") for number in range(40)]
    for name in names:
        open(name, "w", encoding="utf-8").close()
    before = _REAL[0]()
    for name in names:
        replace(name, name + ".new")
    assert pytest.approx(40.0) == sum(fsfault.clock.slept)
    assert _REAL[0]() - before < 4.0


@pytest.mark.fsfault("os.replace -> ERROR_SHARING_VIOLATION when first 2")
def test_the_journal_names_pip_as_the_caller(files, fsfault):
    """The call site is the line in pip, neither ours nor the standard library's."""
    replace(*files)
    sites = {entry.call_site.rpartition(":")[0].replace(os.sep, "/") for entry in fsfault.journal}
    assert ["pip/_internal/utils/retry.py"] == ["/".join(site.split("/")[-4:]) for site in sites]
