"""Run pytest over small projects, as users do."""

from __future__ import annotations

import json

import pytest

import pytest_fsfault._session  # noqa: F401 - once: what an inner run imports, pytester forgets after it


@pytest.fixture
def run(pytester, monkeypatch):
    """Return a function that runs pytest in this process over one module, whose text is given.

    Of the plugins that are installed only ours is loaded.
    """
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("HOME", str(pytester.path.parent / "home"))  # lest pytester's directory be no root
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source, *arguments):
        if source:
            pytester.makepyfile(test_it=source)
        ours = [] if "no:fsfault" in arguments else ["-p", "fsfault"]
        return pytester.runpytest_inprocess(*ours, *arguments, no_reraise_ctrlc=True)

    return run


@pytest.fixture
def told(run, pytester):
    """Return a function that runs pytest, and returns what it wrote as JSON, and its result."""

    def told(source, *arguments):
        result = run(source, "--fsfault-json", "told.json", *arguments)
        return json.loads(pytester.path.joinpath("told.json").read_text("utf-8")), result

    return told
