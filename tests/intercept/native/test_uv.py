"""The failures that this project began with, in the real uv: by a rule, by a scanner, by an open file, in a sweep.

The build for Unix is not the one for Windows: it tells the truth about its steps and their order.
"""

import contextlib
import os
import re
import subprocess
import sys

import pytest

from pytest_fsfault import SimulatedCrash, inject

from .releases import UV, WHEELS, Uv, download, unpack_uv

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The program, and the directory of the wheels."""
    directory = tmp_path_factory.mktemp("releases")
    wheels = directory / "wheels"
    wheels.mkdir()
    download(directory, UV)
    download(wheels, *WHEELS)
    return unpack_uv(directory), wheels


@pytest.fixture
def uv(release, root):
    """An uv with a new environment."""
    made = Uv(*release, root)
    made.venv()
    return made


RENAME = re.compile(
    r"failed to rename file from \S+ to \S+/archive-v0/\S+: Permission denied \(os error 13\)"
)


def test_the_seed_by_a_rule(uv, root):
    """Word for word, with exit status 2; the third run succeeds, and nothing is left behind."""
    with inject("rename to **/archive-v0/* -> ERROR_ACCESS_DENIED when first 2", roots=[root]):
        runs = [uv.pip("install", "six") for _ in range(3)]
    assert [2, 2, 0] == [run.returncode for run in runs]
    assert all(RENAME.search(run.stdout) for run in runs[:2])
    assert "six.py" in uv.installed()
    assert [] == list((root / "cache").glob(".tmp*"))


def test_the_seed_by_nothing_but_a_scanner(uv, root):
    """It reads what was unpacked, so that the directory cannot be renamed."""
    with inject(roots=[root], windows="11") as fsfault:
        fsfault.windows().scanner("defender", hold="1s..2s")
        run = uv.pip("install", "six")
        (refused,) = fsfault.journal.faults
    assert 2 == run.returncode
    assert RENAME.search(run.stdout)
    assert "is held by MsMpEng.exe (Microsoft Defender)" in refused.reason
    assert "uv" == refused.program


def test_an_uninstall_with_the_extension_loaded(uv, root):
    """Somebody else's Python has loaded it: the package can never be uninstalled again."""
    code = "import markupsafe._speedups, sys; print('loaded', flush=True); sys.stdin.read()"
    assert 0 == uv.pip("install", "markupsafe").returncode
    with inject(roots=[root], windows="11", clock="real"):
        python = [uv.directory / "v/bin/python", "-c", code]
        with subprocess.Popen(python, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert b"loaded\n" == child.stdout.readline()
            assert "_speedups" in uv.pip("uninstall", "markupsafe").stdout
        again = uv.pip("uninstall", "markupsafe")
    assert 2 == again.returncode
    assert "`RECORD` file not found" in again.stdout


# What a fault at one call leaves, what the second run says, and its exit status.
FACTS = {
    "a half installation is called complete": (
        "os.link to **/site-packages/** -> crash when nth 300", ("install", "numpy"), (-9, 0), "Checked 1 package",
    ),
    "a package without METADATA": (
        "os.link to **/METADATA -> EACCES when once", ("install", "six"), (2, 2), "METADATA",
    ),
    "a package without RECORD": (
        "os.remove six.py -> EACCES when once", ("uninstall", "six"), (2, 2), "`RECORD` file not found",
    ),
    "killed after RECORD": (
        "os.remove six.py -> crash", ("uninstall", "six"), (-9, 2), "`RECORD` file not found",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fact", FACTS)
def test_facts_about_its_second_run(uv, root, fact):
    """What the first run leaves, the second takes for something else."""
    rule, command, statuses, told = FACTS[fact]
    if command[0] == "uninstall":
        assert 0 == uv.pip("install", "six").returncode
    first = -9
    # A crash outside a sweep fails the test.
    with contextlib.suppress(AssertionError), inject(rule, roots=[root], strict=False):
        with contextlib.suppress(SimulatedCrash):
            first = uv.pip(*command).returncode
    second = uv.pip(*command)
    assert statuses == (first, second.returncode)
    assert told in second.stdout


def test_an_upgrade_leaves_two_versions(uv, root):
    """A file of the old one cannot be deleted: the second run leaves its dist-info beside the new one."""
    assert 0 == uv.pip("install", "six==1.16.0").returncode
    with inject("os.remove six.py -> EACCES when once", roots=[root]):
        assert 2 == uv.pip("install", "six==1.17.0").returncode
    assert 0 == uv.pip("install", "six==1.17.0").returncode
    assert {"six-1.16.0.dist-info", "six-1.17.0.dist-info"} <= uv.installed()


def test_a_tool_is_uninstalled_by_half(uv, root):
    """The receipt is gone; the second run leaves an executable that leads nowhere."""
    assert 0 == uv.tool("install", "cowsay").returncode
    with inject("os.remove **/cowsay/main.py -> EACCES when once", roots=[root]):
        assert 0 != uv.tool("uninstall", "cowsay").returncode
    uv.tool("uninstall", "cowsay")
    (left,) = (root / "bin").iterdir()
    assert not left.exists() or not (root / "tools" / "cowsay" / "uv-receipt.toml").exists()


def test_a_half_made_tool_may_not_reach_the_base_interpreter(uv, root):
    """Its second run would install there: that is refused, and told."""
    with inject("os.open **/tools/cowsay/pyvenv.cfg -> EACCES when once", roots=[root]):
        assert 0 != uv.tool("install", "cowsay").returncode
    before = _packages()
    with pytest.raises(AssertionError, match="is outside the roots, and was not changed"):
        with inject(roots=[root], outside="refuse"):
            uv.tool("install", "cowsay")
    assert before == _packages()


def _packages():
    return subprocess.run(
        [os.path.realpath(sys.executable), "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        check=True,
    ).stdout


def test_a_kill_while_unpacking_stays_in_the_cache(uv, root):
    """Its directory for temporary files is never taken away."""
    with (
        pytest.raises(AssertionError, match="SimulatedCrash"),
        inject("rename to **/archive-v0/* -> crash", roots=[root]),
    ):
        with pytest.raises(SimulatedCrash):
            uv.pip("install", "six")
    assert 0 == uv.pip("install", "six").returncode
    assert [] != [path for path in (root / "cache").glob(".tmp*") if path.is_dir()]


class FailedError(Exception):
    """The command has failed."""


def test_a_sweep_over_uninstall(release, root):
    """The same steps fail in three runs, with its own threads at work: those after RECORD, and a kill there."""
    verdicts = []
    for number in range(3):
        home = root / str(number)
        home.mkdir()
        verdicts.append(_sweep(release, home))
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert len(verdicts[0]) > 5


def _sweep(release, home):
    def prepare(tree):
        made = Uv(*release, tree)
        made.venv()
        assert 0 == made.pip("install", "markupsafe").returncode

    def uninstall(tree):
        done = Uv(*release, tree).pip("uninstall", "markupsafe")
        if done.returncode:
            raise FailedError(done.stdout)

    failed = set()
    with inject(roots=[home], strict=False) as fsfault:
        try:
            for trial in fsfault.sweep(
                prepare,
                faults=["ERROR_ACCESS_DENIED", "crash"],
                operations="delete",
                persist=False,
                expect=FailedError,
            ):
                with trial as tree:
                    uninstall(tree)
                trial.check_rerun(uninstall)
        except AssertionError as error:
            told = str(error)
            failed = set(re.findall(r"^trial [\d.]+: (\S+ \S+: [^,]+), at", told, re.MULTILINE))
    return {re.sub(r"^(\S+) .*site-packages/", r"\1 ", one) for one in failed}


def test_a_sweep_over_tool_install(release, root):
    """Whatever open is refused, neither that run nor the next changes the base interpreter."""
    before, refused = _packages(), set()

    def install(tree):
        done = Uv(*release, tree).tool("install", "cowsay")
        if done.returncode:
            raise FailedError(done.stdout)

    with contextlib.suppress(AssertionError), inject(roots=[root], strict=False) as fsfault:
        sweep = fsfault.sweep(
            lambda tree: (tree / "bin").mkdir(), faults=["ERROR_ACCESS_DENIED"], operations="os.open",
            persist=False, expect=FailedError, limit=15,
        )  # fmt: skip
        for trial in sweep:
            with trial as tree:
                install(tree)
            with contextlib.suppress(FailedError):
                trial.check_rerun(install)
            refused |= {os.path.basename(one.path) for one in trial.injected}
    assert len(refused) > 5
    assert before == _packages()
