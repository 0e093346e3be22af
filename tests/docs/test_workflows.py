"""The workflows say what GitHub understands, and call what this repository has: its own, and the one to copy."""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "examples/ci/github-actions.yml"]
#: What these actions take, of the major version that is named: the `action.yml` of each.
ACTIONS = {
    "actions/checkout@v4": {"fetch-depth", "ref"},
    "actions/setup-python@v5": {"python-version", "allow-prereleases", "cache"},
    "actions/upload-artifact@v4": {"name", "path", "if-no-files-found", "retention-days"},
    "actions/download-artifact@v4": {"name", "path", "pattern", "merge-multiple"},
    "pypa/gh-action-pypi-publish@release/v1": {"packages-dir", "repository-url"},
}
#: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
JOB = {
    "name",
    "needs",
    "if",
    "runs-on",
    "environment",
    "permissions",
    "strategy",
    "steps",
    "timeout-minutes",
    "env",
}
STEP = {"name", "if", "uses", "with", "run", "env", "shell", "working-directory", "continue-on-error"}
EVENTS = {"push", "pull_request", "schedule", "workflow_dispatch"}
RUNNERS = {"ubuntu-latest", "macos-latest", "windows-latest"}
CONTEXTS = {"matrix", "github", "runner", "env", "secrets", "needs", "steps"}


def _jobs() -> list[Any]:
    found = []
    for file in FILES:
        workflow = yaml.safe_load(file.read_text("utf-8"))
        for name, job in workflow["jobs"].items():
            found.append(pytest.param(workflow, job, id=f"{file.name}-{name}"))
    return found


def _texts(value: Any) -> list[str]:
    """Return every text that is somewhere in a value."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [str(value)]


def _values(job: dict[str, Any], text: str) -> list[str]:
    """Return what a text comes to with each value of the matrix."""
    (key,) = re.findall(r"\$\{\{ matrix\.(\w+) \}\}", text) or (None,)
    if key is None:
        return [text]
    return [text.replace(f"${{{{ matrix.{key} }}}}", str(value)) for value in job["strategy"]["matrix"][key]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_has_its_parts(file):
    """A name, events, the least permissions, and jobs."""
    workflow = yaml.safe_load(file.read_text("utf-8"))
    events = workflow.pop(True)  # YAML takes `on` for a truth
    assert {"name", "jobs", "permissions"} == {*workflow} | {"permissions"}
    assert EVENTS >= {*events}
    assert {"contents": "read"} == workflow["permissions"]


@pytest.mark.parametrize(("workflow", "job"), _jobs())
def test_a_job_is_one(workflow, job):
    """Its keys are known, its runner is one, it waits for jobs that are there, and each step runs or uses something."""
    assert JOB >= {*job}
    assert RUNNERS >= {*_values(job, job["runs-on"])}
    needed = job.get("needs", [])
    assert {*workflow["jobs"]} >= {*([needed] if isinstance(needed, str) else needed)}
    for step in job["steps"]:
        assert STEP >= {*step}
        assert 1 == len({"run", "uses"} & {*step})
        if "uses" in step:
            assert ACTIONS[step["uses"]] >= {*step.get("with", {})}


@pytest.mark.parametrize(("workflow", "job"), _jobs())
def test_an_expression_names_what_there_is(workflow, job):
    """A misspelt key of a matrix is an empty text, and nobody says so."""
    for expression in re.findall(r"\$\{\{ (.*?) \}\}", "\n".join(_texts(job))):
        context, _, key = expression.partition(".")
        assert context in CONTEXTS
        assert context != "matrix" or key in job["strategy"]["matrix"]
    versions = [str(one) for one in job.get("strategy", {}).get("matrix", {}).get("python", [])]
    assert [] == [version for version in versions if not re.fullmatch(r"3\.\d\d", version)]  # 3.10 is no 3.1


@pytest.mark.parametrize(("workflow", "job"), _jobs())
def test_what_a_job_calls_is_there(workflow, job):
    """Scripts may be run, and environments are those of tox."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    known = {"py", *re.findall(r"\w+", " ".join([*tox.sections(), tox["tox"]["env_list"]]))}
    for step in job["steps"]:
        line = step.get("run", "")
        for script in re.findall(r"^(\.ci/\S+)", line, re.MULTILINE):
            assert (ROOT / script).is_file()
            assert sys.platform == "win32" or (ROOT / script).stat().st_mode & 0o100
        for environment in re.findall(r"tox run -e (\S*\$\{\{ \S+ \}\}|\S+)", line):
            assert known >= {name.rpartition("-")[2] for name in _values(job, environment)}
