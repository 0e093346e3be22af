"""A project that is itself a plugin of pytest has its own code under test."""

from __future__ import annotations

import json
import types
from importlib.metadata import Distribution

import pytest

from pytest_fsfault._intercept.patching.callers import Callers
from pytest_fsfault._plugin.machinery import sort_plugins

THING = """
import os, pytest

@pytest.fixture
def keep():
    return lambda path: os.replace(path / "a", path / "b")
"""
TEST = """
import pytest

@pytest.mark.fsfault("os.replace -> EIO when once")
def test_it(tmp_path, keep):
    (tmp_path / "a").touch()
    with pytest.raises(OSError):
        keep(tmp_path)
"""


def _install(directory, name, **files):
    """Write what an installer writes of a plugin of pytest."""
    info = directory / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{name} = {name}\n")
    (directory / f"{name}.py").write_text(THING)
    for file, text in files.items():
        (info / f"{file}.json").write_text(text)


@pytest.mark.parametrize(
    ("place", "outcome"), [("src", "passed"), (".venv/lib/site-packages", "failed")], ids=["own", "installed"]
)
def test_faults_reach_the_project_s_own_plugin(pytester, place, outcome):
    """The plugin that stands in the project meets faults; one of an environment in there runs tests, and meets none."""
    name = f"thing_{outcome}"
    _install(pytester.path / place, name)
    pytester.syspathinsert(pytester.path / place)
    pytester.makepyfile(TEST)
    pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio").assert_outcomes(**{outcome: 1})


NAMED = '[project]\nname = "The.Thing"\n'
INSTALLED = [
    pytest.param({"url": "{root}", "dir_info": {}}, "", True, id="from the project"),
    pytest.param(
        {"url": "{root}/plugins/a", "dir_info": {"editable": True}}, "", True, id="from a part of it"
    ),
    pytest.param({"url": "{root}/..", "dir_info": {}}, "", True, id="the tests have a root of their own"),
    pytest.param({"url": "{root}beside", "dir_info": {}}, "", False, id="from beside it"),
    pytest.param(
        {"url": "{root}/dist/the_thing.whl", "archive_info": {}}, NAMED, True, id="archive of the project"
    ),
    pytest.param(
        {"url": "{root}/wheels/the_thing.whl", "archive_info": {}}, "", False, id="archive kept there"
    ),
    pytest.param(
        {"url": "{root}/wheels/the_thing.whl", "archive_info": {}}, "[", False, id="TOML with a mistake"
    ),
    pytest.param(
        {"url": "https://example.org/a", "vcs_info": {"vcs": "git"}}, NAMED, False, id="from elsewhere"
    ),
    pytest.param({}, NAMED, False, id="nothing useful noted"),
    pytest.param(None, NAMED, False, id="from an index"),
]


@pytest.mark.parametrize(("noted", "described", "own"), INSTALLED)
def test_an_installed_plugin_is_known_by_its_origin(tmp_path, noted, described, own):
    """What was installed from the project is the project's, as the installer has noted (PEP 610)."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text(described)
    text = json.dumps(noted)
    files = {} if noted is None else {"direct_url": text.replace("{root}", root.as_uri())}
    _install(tmp_path / "site-packages", "the_thing", **files)
    distribution = Distribution.at(tmp_path / "site-packages" / "the_thing-1.dist-info")
    module = types.ModuleType("the_thing.plugin")
    module.__file__ = str(tmp_path / "site-packages" / "the_thing.py")

    class Registered:
        """A plugin that is no module."""

    machinery, tested = sort_plugins([(module, distribution), (Registered(), distribution)], str(root))
    assert {"the_thing.plugin", Registered.__module__} == (tested if own else machinery)
    assert set() == (machinery if own else tested)


def test_a_spy_and_this_package_are_neither(tmp_path):
    """A spy of pytest-mock passes on a call of the test's, and this package knows its own frames."""
    plugins = [(types.ModuleType(name), None) for name in ("pytest_mock", "pytest_fsfault.plugin")]
    assert (set(), set()) == sort_plugins(plugins, str(tmp_path))


def test_what_is_under_test_stays_so(tmp_path):
    """A run of pytest within the test, whose root is another one, does not make the plugin machinery."""
    callers = Callers()
    callers.add_machinery({"other"}, {"thing"})
    callers.add_machinery({"other", "thing"})
    assert (True, False) == (callers.is_machinery("other.part"), callers.is_machinery("thing"))
