"""What users see of a fake under pytest: the `fs` fixture beside marker, fixture and command line."""

from __future__ import annotations

import json

import pytest

import pytest_fsfault._session.fsfault  # noqa: F401  # once: what an inner run imports, pytester forgets after it

DELETES = """
    import os
    import pytest

    def delete(path):
        for _ in range(3):
            try:
                return os.remove(path)
            except PermissionError as error:
                last = error
        raise last
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Return a function that runs pytest over one module, with pyfakefs and us."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source, *arguments, plugins=("fsfault", "pyfakefs.pytest_plugin")):
        pytester.makepyfile(test_it=source)
        loaded = [word for plugin in plugins for word in ("-p", plugin)]
        return pytester.runpytest_inprocess(*loaded, *arguments)

    return run


ORDERS = {
    "loaded first": ("fsfault", "pyfakefs.pytest_plugin"),
    "loaded last": ("pyfakefs.pytest_plugin", "fsfault"),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("fixtures", ["fs, fsfault", "fsfault, fs"])
def test_either_order(order, fixtures, run):
    """Of loading, and of fixtures."""
    result = run(
        f"""{DELETES}
    def test({fixtures}):
        fs.create_file("/app/f")
        fsfault.add("os.remove f -> ERROR_SHARING_VIOLATION when first 2")
        delete("/app/f")
        fsfault.assert_retried("os.remove", attempts=3)
        assert not os.path.exists("/app/f")
    """,
        plugins=ORDERS[order],
    )
    result.assert_outcomes(passed=1)


def test_a_failure_shows_paths_as_they_were_passed(run):
    """In the error and in the journal: no real path is in either."""
    result = run(
        f"""{DELETES}
    from pyfakefs.fake_filesystem import OSType

    @pytest.mark.fsfault("os.remove ruff.exe -> ERROR_ACCESS_DENIED")
    def test(fs):
        fs.os = OSType.WINDOWS
        fs.create_file(r"C:\\\\app\\\\ruff.exe")
        delete(r"C:\\\\app\\\\ruff.exe")
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            r"E * PermissionError: [[]WinError 5] Access is denied: 'C:\\\\app\\\\ruff.exe'",
            "#0 * os.remove C:/app/ruff.exe  raised, at test_it.py:*",
            "to reproduce: pytest test_it.py::test --fsfault-seed *",
        ]
    )


def test_a_rule_that_never_fires_fails_the_test(run):
    """On a fake as elsewhere."""
    result = run(
        """
    import pytest

    @pytest.mark.fsfault("os.remove -> EBUSY")
    def test(fs):
        fs.create_file("/app/f")
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*os.remove* never fired: no call of os.remove below the roots*"])


def test_a_file_left_open_fails_a_strict_test(run):
    """By pyfakefs's list of open files."""
    result = run(
        """
    import pytest

    @pytest.mark.fsfault(strict="all")
    def test(fs, fsfault):
        fs.create_file("/app/f")
        open("/app/f")
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*/app/f was left open"])


def test_the_marker_may_name_the_whole_fake(run):
    """Where a fixture of pyfakefs is asked for; else it is refused."""
    result = run(
        """
    import os
    import pytest

    pytestmark = pytest.mark.fsfault("os.mkdir /new -> EBUSY or never", roots=["/"])

    def test_fake(fs, fsfault):
        assert "/" in fsfault.roots
        with pytest.raises(OSError):
            os.mkdir("/new")

    def test_real():
        pass
    """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*/' is not allowed as a root: it holds the whole file system*"])


SCOPES = """
    import os
    import pytest

    def test_first(fs_module):
        fs_module.create_file("/app/f")
        with pytest.raises(OSError):
            os.remove("/app/f")
        os.remove("/app/f")

    def test_second(fs_module):
        assert os.path.exists("/app")
    """


def test_a_fake_for_a_whole_module(run):
    """Between the tests pyfakefs pauses it, and we go with it."""
    result = run(SCOPES, "--fsfault-rule", "os.remove f -> EBUSY when once")
    result.assert_outcomes(passed=2)


def test_every_test_under_the_default_profile(run):
    """Emulated Windows, on fake files and on real ones."""
    source = """
    import os
    import pytest

    def check(path):
        path.write_text("x")
        with path.open(), pytest.raises(PermissionError, match="WinError 32"):
            path.unlink()

    def test_fake(fs):
        from pathlib import Path
        check(Path("/f"))

    def test_real(tmp_path):
        check(tmp_path / "f")
    """
    result = run(source, "--fsfault")
    result.assert_outcomes(passed=2)


def test_what_happened_is_told_as_data(run, pytester):
    """In the JSON a fake path is as it is."""
    run(
        f"""{DELETES}
    @pytest.mark.fsfault("os.remove -> EACCES when once")
    def test(fs):
        fs.create_file("/app/f")
        delete("/app/f")
    """,
        "--fsfault-json",
        "told.json",
    )
    told = json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))
    found = [fault["path"] for test in told["tests"] for fault in test["calls"] if fault["fault"]]
    assert ["/app/f"] == [path.removeprefix("C:") for path in found]  # Windows' fake has a drive
