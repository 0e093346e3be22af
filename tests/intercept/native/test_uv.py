"""The failures that this project began with, in the real uv: by a rule, by a scanner, by an open file, in a sweep.

The build for Unix is not the one for Windows: it tells the truth about its steps and their order.
"""

import contextlib
import os
import re
import shutil
import subprocess

import pytest

from pytest_fsfault import SimulatedCrash, inject
from pytest_fsfault._core.language.random_names import blanked

from .releases import Uv, contents

pytestmark = pytest.mark.slow


RENAME = re.compile(
    r"failed to rename file from \S+ to \S+/archive-v0/\S+: Permission denied \(os error 13\)"
)


def test_the_seed_by_a_rule(uv, root):
    """Word for word, with exit status 2; the third run succeeds, and nothing is left behind."""
    with inject("rename to **/archive-v0/* -> ERROR_ACCESS_DENIED when first 2", roots=[root]):
        runs = [uv.pip("install", "six") for _ in range(3)]
    assert [2, 2, 0] == [run.returncode for run in runs]
    assert all(RENAME.search(" ".join(run.stdout.split())) for run in runs[:2])
    assert "six.py" in uv.installed()
    assert [] == list((root / "cache").glob(".tmp*"))


def test_the_seed_by_nothing_but_a_scanner(uv, root):
    """It reads what was unpacked, so that the directory cannot be renamed."""
    with inject(roots=[root], windows="11") as fsfault:
        fsfault.windows().scanner("defender", hold="1s..2s")
        run = uv.pip("install", "six")
        (refused,) = fsfault.journal.faults
    assert 2 == run.returncode
    assert RENAME.search(" ".join(run.stdout.split()))
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


# A fault at one call, the command, what it exits with, then the second run, and what that one says.
FACTS = {
    "a half installation is called complete": (
        "os.link to **/site-packages/** -> crash when nth 300", ("install", "numpy"), (-9, 0), "Checked 1 package",
    ),
    "also after a refusal": (
        "os.link to **/site-packages/** -> EACCES when nth 300", ("install", "numpy"), (2, 0), "Checked 1 package",
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


def under(rule, root, run):
    """Return the exit status of a run under a rule, which may end it by a crash; that fails a test by itself."""
    status = -9
    with contextlib.suppress(AssertionError), inject(rule, roots=[root], strict=False):
        with contextlib.suppress(SimulatedCrash):
            status = run().returncode
    return status


@pytest.mark.parametrize("fact", FACTS)
def test_facts_about_its_second_run(uv, root, fact):
    """What the first run leaves, the second takes for something else."""
    rule, command, statuses, told = FACTS[fact]
    if command[0] == "uninstall":
        assert 0 == uv.pip("install", "six").returncode
    first = under(rule, root, lambda: uv.pip(*command))
    second = uv.pip(*command)
    assert statuses == (first, second.returncode)
    assert told in second.stdout


@pytest.mark.parametrize("fault", ["EACCES", "crash"])
def test_what_cannot_be_uninstalled_stays_for_ever(uv, root, fault):
    """A third run says what the second said."""
    assert 0 == uv.pip("install", "six").returncode
    under(f"os.remove **/six-*/WHEEL -> {fault}", root, lambda: uv.pip("uninstall", "six"))
    for _ in range(2):
        assert "`RECORD` file not found" in uv.pip("uninstall", "six").stdout
    assert [] != list(uv.packages.glob("six-*.dist-info"))


def test_an_upgrade_leaves_two_versions(uv, root):
    """A file of the old one cannot be deleted: the second run leaves its dist-info beside the new one."""
    assert 0 == uv.pip("install", "six==1.16.0").returncode
    with inject("os.remove six.py -> EACCES when once", roots=[root]):
        assert 2 == uv.pip("install", "six==1.17.0").returncode
    assert 0 == uv.pip("install", "six==1.17.0").returncode
    assert {"six-1.16.0.dist-info", "six-1.17.0.dist-info"} <= uv.installed()


@pytest.mark.parametrize("fault", ["EACCES when once", "crash"])
def test_a_tool_is_uninstalled_by_half(uv, root, fault):
    """The receipt is gone; the second run says that all is well, and leaves an executable that leads nowhere."""
    assert 0 == uv.tool("install", "cowsay").returncode
    rule = f"os.remove **/cowsay/pyvenv.cfg -> {fault}"
    assert 0 != under(rule, root, lambda: uv.tool("uninstall", "cowsay"))
    assert not (root / "tools/cowsay/uv-receipt.toml").exists()
    assert 0 == uv.tool("uninstall", "cowsay").returncode
    assert (root / "bin/cowsay").is_symlink()
    assert not (root / "bin/cowsay").exists()


@pytest.mark.usefixtures("no_passing_directories")
@pytest.mark.parametrize("fault", ["EACCES when once", "crash"])
def test_a_half_made_tool_may_not_reach_the_base_interpreter(uv, root, fault):
    """Its second run would install there: that is refused, and told."""
    rule = f"os.open **/tools/cowsay/pyvenv.cfg -> {fault}"
    assert 0 != under(rule, root, lambda: uv.tool("install", "cowsay"))
    before = contents(uv.interpreter)
    with pytest.raises(AssertionError, match="is outside the roots, and was not changed"):
        with inject(roots=[root], outside="refuse"):
            uv.tool("install", "cowsay")
    assert before == contents(uv.interpreter)


@pytest.mark.parametrize("fault", ["EACCES when once", "crash"])
def test_an_environment_that_was_cleared_wants_force(uv, root, fault):
    """What is left of it is none, so that the same command does not clear it again."""
    command = ("venv", "-q", "--clear", "v", "-p", uv.interpreter)
    assert 0 != under(f"os.open **/v/pyvenv.cfg -> {fault}", root, lambda: uv(*command))
    assert not (root / "v/pyvenv.cfg").exists()
    again = uv(*command)
    assert 2 == again.returncode
    assert "Use the `--force` flag" in again.stdout


@pytest.mark.parametrize("rule", ["os.remove six.py -> EACCES when once", "os.link to **/six.py -> crash"])
def test_a_reinstallation_converges(uv, root, rule):
    """Whatever the first run leaves, the second makes whole."""
    assert 0 == uv.pip("install", "six").returncode
    whole = uv.installed()
    assert 0 != under(rule, root, lambda: uv.pip("install", "--reinstall", "six"))
    assert 0 == uv.pip("install", "--reinstall", "six").returncode
    assert whole == uv.installed()


@pytest.mark.parametrize("fault", ["EACCES when once", "crash when nth 3"])
def test_the_cleaning_of_a_cache_converges(uv, root, fault):
    """The second run takes away what the first has left."""
    assert 0 == uv.pip("install", "six").returncode
    assert 0 != under(f"os.remove **/cache/** -> {fault}", root, lambda: uv("cache", "clean"))
    assert [] != list((root / "cache").iterdir())
    assert 0 == uv("cache", "clean").returncode
    assert not (root / "cache/archive-v0").exists()


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


def work(uv):
    """Do a little of everything that uv is for."""
    uv.venv()
    for run in (
        uv.pip("install", "six==1.16.0", "markupsafe"), uv.pip("install", "six==1.17.0"), uv.tool("install", "cowsay"),
        uv.pip("uninstall", "markupsafe"), uv.pip("install", "--reinstall", "six"), uv("cache", "prune"),
    ):  # fmt: skip
        assert 0 == run.returncode, run.stdout


def left_by(uv):
    """Return kind, rights, links and content of what is there; only the names of what the cache has."""
    found = {}
    for path in sorted(uv.directory.rglob("*")):
        name = blanked(f"/{path.relative_to(uv.directory)}")[1:]
        status = path.lstat()
        content = b""
        if path.is_symlink():
            content = os.fsencode(blanked(os.readlink(path)))
        elif path.is_file() and not name.startswith("cache/"):
            content = path.read_bytes()
        # When its receipt or its cache was written is none of what it does.
        content = re.sub(rb"(timestamp|secs|nanos)\S* *[=:] *\S+", b"", content)
        found.setdefault(name, []).append((oct(status.st_mode), path.is_dir() or status.st_nlink, content))
    return {name: sorted(each) for name, each in found.items() if "__pycache__" not in name}


@pytest.mark.parametrize("keywords", [{"profile": "observe"}, {"windows": "11"}], ids=str)
def test_whoever_is_watched_leaves_the_same_tree(release, root, keywords):
    """Names, kinds, rights, links and contents are those that it leaves by itself, in the very same place."""
    trees = []
    for watched in (False, True):
        shutil.rmtree(root)
        root.mkdir()
        uv = Uv(*release, root)
        with (
            inject(roots=[root], strict=False, **keywords) if watched else contextlib.nullcontext() as fsfault
        ):
            work(uv)
        if watched:
            assert [] == fsfault.journal.faults
        trees.append(left_by(uv))
    assert len(trees[0]) > 100
    assert trees[0] == trees[1]


TRY = """import os, sys
try:
    os.replace(sys.argv[1], sys.argv[1] + "b")
except OSError as error:
    print(error.winerror)
"""
WAYS = {
    "python": ("python", "-c", TRY),
    "a script": ("script.py",),
    "a module": ("-m", "script"),
    "a shell that becomes Python": ("sh", "-c", 'exec "$0" "$@"', "python", "script.py"),
    "a shell that starts Python": ("sh", "-c", '"$0" "$@"; true', "python", "script.py"),
}


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_python_that_uv_runs_is_reached(uv, root, way, native):
    """With the error of Windows and the one count, whether or not native programs are reached."""
    (root / "script.py").write_text(TRY)
    (root / "a").touch()
    own = {name: value for name, value in uv.environment.items() if name.startswith("UV_")}
    own |= {
        "HOME": str(root / "home"),
        "UV_PYTHON": str(root / "v/bin/python"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    with inject("os.replace a -> WinError 32 when first 2", roots=[root], native=native) as fsfault:
        told = [
            subprocess.run(
                [uv.program, "run", "--no-project", *WAYS[way], root / "a"], env={**os.environ, **own}, cwd=root,
                capture_output=True, text=True, check=True,
            ).stdout
            for _ in range(3)
        ]  # fmt: skip
        entries = fsfault.journal.faults
    assert ["32\n", "32\n", ""] == told
    assert (root / "ab").exists()
    assert [("os.replace", None)] * 2 == [(entry.operation, entry.program) for entry in entries]
