"""`--fsfault-html`: when it is written, by whom, and what is said if it cannot be."""

from __future__ import annotations

import importlib.util

import pytest

TEST = """
import os, pytest
@pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when once")
def test_red(tmp_path):
    (tmp_path / "a").touch()
    os.replace(tmp_path / "a", tmp_path / "b")
"""


def test_a_page_is_written(pytester, run):
    """The option writes one file: the run, the test, its error; with the JSON there is a link to it."""
    pytest.importorskip("jinja2")
    pytester.mkdir("out")
    result = run(TEST, "--fsfault-html", "out/report.html", "--fsfault-json", "run.json")
    result.assert_outcomes(failed=1)
    text = (pytester.path / "out/report.html").read_text("utf-8")
    assert "1 of 1 test failed" in text
    assert "test_red" in text
    assert "[WinError 5] Access is denied" in text
    assert 'href="../run.json"' in text


def test_only_the_controller_writes(pytester, monkeypatch):
    """Under xdist the workers hand over what they have, and one page shows the tests of all."""
    pytest.importorskip("jinja2")
    pytest.importorskip("xdist")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyfile(test_a=TEST, test_b=TEST)
    loaded = ["-p", "fsfault", "-p", "xdist.plugin"]
    result = pytester.runpytest_subprocess(*loaded, "-n", "2", "--fsfault-html", "report.html")
    result.assert_outcomes(failed=2)
    text = (pytester.path / "report.html").read_text("utf-8")
    assert "2 of 2 tests failed" in text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", "--fsfault-html '.' is a directory; write the path of a file"),
        ("no/a.html", "--fsfault-html 'no/a.html' is in no directory that exists; make it first"),
    ],
)
def test_a_place_that_is_wrong(run, path, message):
    """A mistake in the path is one sentence, before any test runs."""
    result = run("", "--fsfault-html", path)
    assert 4 == result.ret
    assert [f"ERROR: {message}"] == [line for line in result.errlines if line]


def test_without_jinja(run, monkeypatch):
    """Without Jinja2 the option says which extra to install, and nothing runs."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "pytest_fsfault._plugin.settings.find_spec",
        lambda name, *rest: None if name == "jinja2" else real(name, *rest),
    )
    result = run("", "--fsfault-html", "report.html")
    assert 4 == result.ret
    told = '--fsfault-html needs Jinja2; install it with: pip install "pytest-fsfault[html]"'
    assert [f"ERROR: {told}"] == [line for line in result.errlines if line]


def test_a_write_that_fails(pytester, run):
    """A directory that a test has removed is told in one sentence, which names the option."""
    pytest.importorskip("jinja2")
    pytester.mkdir("there")
    result = run("import os\ndef test_it(): os.rmdir('there')", "--fsfault-html", "there/report.html")
    assert 4 == result.ret
    told = [line for line in [*result.outlines, *result.errlines] if "--fsfault-html:" in line]
    assert 1 == len(told)
    assert "No such file or directory" in told[0]
