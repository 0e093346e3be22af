"""Sweeps over the real uv: each step refused or killed once, and what a second run makes of what is left."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_fsfault import inject

from .releases import Uv, contents

pytestmark = pytest.mark.slow


class FailedError(Exception):
    """The command has failed."""


def must(done):
    """Raise if a run has failed."""
    if done.returncode:
        raise FailedError(done.stdout)


def with_package(uv):
    """Install a package."""
    uv.venv()
    must(uv.pip("install", "markupsafe"))


def with_a_full_cache(uv):
    """Install a tool and take it away: what is asked of the interpreter, and the wheel, are in the cache."""
    (uv.directory / "bin").mkdir()
    for verb in ("install", "uninstall"):
        must(uv.tool(verb, "cowsay"))


# What is there, the command, which of its calls are tried, and the most kinds of them.
SWEEPS = {
    "pip uninstall": (with_package, lambda uv: must(uv.pip("uninstall", "markupsafe")), "delete", 50),
    "reinstall": (
        with_package, lambda uv: must(uv.pip("install", "--reinstall", "markupsafe")), "os.link", 50,
    ),
    "venv": (
        lambda uv: uv.venv(), lambda uv: must(uv("venv", "-q", "--clear", "v", "-p", uv.interpreter)), "mutate", 100,
    ),
    "cache": (with_package, lambda uv: must(uv("cache", "clean")), "mutate", 80),
    "tool uninstall": (
        lambda uv: must(uv.tool("install", "cowsay")), lambda uv: must(uv.tool("uninstall", "cowsay")), "delete", 80,
    ),
    "tool install": (
        with_a_full_cache, lambda uv: must(uv.tool("install", "cowsay")), "os.open", 80,
    ),
}  # fmt: skip
_FAILED = re.compile(r"^trial [\d.]+: (\S+) (\S+): (\w+), at", re.MULTILINE)


def sweep(release, home, name, faults=("ERROR_ACCESS_DENIED", "crash")):
    """Return what was refused, what of it failed by operation, path and fault, and what is said of it."""
    prepare, body, operations, limit = SWEEPS[name]
    refused, told = set(), ""

    def run(tree):
        body(Uv(*release, tree))

    try:
        with inject(roots=[home], strict=False, clock="real") as fsfault:
            for trial in fsfault.sweep(
                lambda tree: prepare(Uv(*release, tree)),
                faults=list(faults), operations=operations, persist=False, expect=FailedError, limit=limit,
            ):  # fmt: skip
                with trial as tree:
                    run(tree)
                trial.check_rerun(run)
                refused |= {re.sub(r".*/trial/root/", "", one.path) for one in trial.injected}
    except AssertionError as error:
        told = str(error)
    return refused, set(_FAILED.findall(told)), told


def test_an_uninstall_is_never_run_again_after_record(release, root):
    """The same steps fail in three runs, with its own threads at work: those after RECORD, and a kill there."""
    verdicts = []
    for number in range(3):
        (root / str(number)).mkdir()
        _, failed, told = sweep(release, root / str(number), "pip uninstall")
        verdicts.append({(name, path.rpartition("site-packages/")[2], fault) for name, path, fault in failed})
        assert "`RECORD` file not found" in told
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert len(verdicts[0]) > 10
    assert {"ERROR_ACCESS_DENIED", "crash"} == {fault for _, _, fault in verdicts[0]}


def test_a_reinstallation_converges(release, root):
    """Whichever link is refused or killed, the second run reaches the new tree; a kill leaves files in the cache."""
    refused, failed, told = sweep(release, root, "reinstall")
    assert any(path.endswith("METADATA") for path in refused)
    assert {"crash"} >= {fault for _, _, fault in failed}, told


def test_an_environment_is_not_cleared_again(release, root):
    """After its `pyvenv.cfg` has gone, each step leaves what `--force` alone clears."""
    refused, failed, told = sweep(release, root, "venv")
    assert "v/pyvenv.cfg" in refused
    assert {
        ("os.open", "v/pyvenv.cfg", "ERROR_ACCESS_DENIED"),
        ("os.open", "v/pyvenv.cfg", "crash"),
    } <= failed
    assert "Use the `--force` flag" in told
    assert len(failed) >= 20


def test_a_cache_is_cleaned_again(release, root):
    """Whatever is refused or killed, the second run ends with the same tree."""
    refused, failed, told = sweep(release, root, "cache")
    assert len(refused) > 20
    assert set() == failed, told


def test_a_tool_is_uninstalled_by_half(release, root):
    """Every deletion after the receipt leaves its executable for ever."""
    refused, failed, told = sweep(release, root, "tool uninstall")
    assert {"tools/cowsay/pyvenv.cfg", "tools/cowsay/uv-receipt.toml"} <= refused
    assert ("os.remove", "tools/cowsay/pyvenv.cfg", "ERROR_ACCESS_DENIED") in failed
    assert "+ bin/cowsay" in told
    assert len(failed) > 40


@pytest.mark.usefixtures("no_passing_directories")
def test_a_tool_is_installed_beside_the_base_interpreter(release, root):
    """Whatever open is refused or killed, neither that run nor the next changes the base interpreter."""
    before = contents(release[2])
    refused, failed, told = sweep(release, root, "tool install")
    assert "tools/cowsay/pyvenv.cfg" in refused
    assert {fault for name, path, fault in failed if path == "tools/cowsay/pyvenv.cfg"}, told
    assert before == contents(release[2])


def test_the_examples_hold_for_this_release(release, root):
    """Each of their verdicts, found in a home of its own."""
    examples = Path(__file__).parents[3] / "examples" / "native_programs"
    if not examples.is_dir():
        pytest.skip("the examples are not here")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))},
        "PATH": f"{release[0].parent}:{os.environ['PATH']}", "HOME": str(root),
    }  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(examples)]
    done = subprocess.run(
        command, cwd=examples.parents[1], env=environment, text=True, check=False, stdout=-1
    )
    assert 0 == done.returncode, done.stdout
    assert "skipped" not in done.stdout
