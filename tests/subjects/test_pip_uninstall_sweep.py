"""Sweeps over the uninstall of pip 26.3, unchanged: what it survives, and three defects, each reproduced.

pip moves what it uninstalls aside, the metadata before the package, into `~emo` beside `demo` or into
`pip-uninstall-*` in the temporary directory, and deletes that at the end (src/pip/_internal/req/req_uninstall.py).
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import tempfile
from importlib.util import cache_from_source

import pip
import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from pip._internal.req.constructors import install_req_from_line
from released import wheel

pytestmark = pytest.mark.skipif(
    pip.__version__ != "26.3" and not os.environ.get("CI"),
    reason=f"the verdicts are those on pip 26.3, and this is {pip.__version__}; install '.[test]'",
)

STASHES = ("~*", "pip-uninstall-*")
FILES = {
    "demo/__init__.py": b"version = 1\n",
    "demo/sub/core.py": b"core = 1\n",
    "demo_extra/__init__.py": b"extra = 1\n",
    "demo_single.py": b"single = 1\n",
    "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo.sub.core:main\n",
}
# Of others, in the directories that `demo` shares with them.
OTHERS = {
    "bin/other": "other",
    "lib/other.py": "other = 1\n",
    "lib/demo_extra/settings.ini": "mine",
    "pyvenv.cfg": "include-system-site-packages = false\n",
    "tmp/other": "other",
}


@pytest.fixture
def prepare(tmp_path):
    """Return a function that makes an environment in which `demo` is installed, beside files of others."""
    source = wheel(tmp_path, "1.0", FILES)

    def make(root):
        for name, text in OTHERS.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        lib = root / "lib"
        places = {"purelib": lib, "platlib": lib, "scripts": root / "bin", "headers": root, "data": root}
        schemes = {name: str(path) for name, path in places.items()}
        with WheelFile.open(source) as opened:
            install(
                opened, SchemeDictionaryDestination(schemes, sys.executable, "posix"), {"INSTALLER": b"pip\n"}
            )
        # RECORD has none of these, pip finds it by name.
        bytecode = cache_from_source(str(lib / "demo_single.py"))
        os.mkdir(os.path.dirname(bytecode))
        open(bytecode, "wb").close()

    return make


def uninstall(root):
    """Do what `pip uninstall -y demo` does once its options are read, in a Python whose environment is `root`."""
    # A second run is a process of its own, which remembers no listing of the first.
    importlib.invalidate_caches()
    with pytest.MonkeyPatch.context() as patch:
        # pip touches nothing outside of the prefix.
        patch.setattr(sys, "prefix", str(root))
        patch.setattr(sys, "path", [str(root / "lib"), *sys.path])
        patch.setattr(tempfile, "tempdir", str(root / "tmp"))
        removed = install_req_from_line("demo").uninstall(auto_confirm=True)
        if removed is not None:
            removed.commit()


@pytest.fixture
def environment(prepare, tmp_path):
    """Return an environment for a test without a sweep."""
    root = tmp_path / "environment"
    root.mkdir()
    prepare(root)
    return root


@pytest.fixture
def said(caplog):
    """Return a function that gives what pip has said so far."""
    caplog.set_level(logging.INFO)
    return lambda: caplog.messages


def _called(entry, root):
    path = os.path.relpath(entry.path, root).replace(os.sep, "/")
    return f"{entry.operation} {re.sub('pip-uninstall-.*', 'pip-uninstall-*', path)}"


def test_refused_changes_are_survived(prepare, fsfault):
    """Whichever change is refused, once or for good, `demo` is there or gone, and the error is told."""
    faults = ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION", "ENOSPC")
    for trial in fsfault.sweep(prepare, faults=faults):
        with trial as root:
            uninstall(root)
        trial.check_atomic(ignore=STASHES)
        trial.check_nothing_lost(*STASHES)
        trial.check_error(ignore=STASHES)
        trial.check_rerun(uninstall, ignore=STASHES)
        # Six times half a second, as floats.
        trial.check_waits("3s")
        if not trial.persistent:
            trial.check_no_leftovers(*STASHES)


def test_unlistable_directories_are_not_survived(prepare, fsfault):
    """A directory in which others have files must be listable: those of three trials are lost otherwise."""
    with pytest.raises(AssertionError) as caught:
        for trial in fsfault.sweep(
            prepare,
            operations="os.scandir",
            distinct="position",
            faults=("ERROR_SHARING_VIOLATION",),
            persist=False,
        ):
            with trial as root:
                uninstall(root)
            trial.check_atomic(ignore=STASHES)
    failed = re.findall(r"^trial \d+: os\.scandir (\S+):", str(caught.value), re.MULTILINE)
    assert ["bin", "lib", "lib/demo_extra"] == sorted(failed)


@pytest.mark.parametrize(
    ("directory", "lost"),
    [
        ("bin", {"bin/other"}),
        ("lib", {"lib/other.py", "lib/demo_extra/settings.ini"}),
    ],
)
def test_an_unlistable_directory_is_deleted(directory, lost, environment, said, fsfault):
    """Who cannot list `site-packages` once deletes all of it, and reports success.

    `compress_for_rename` walks each directory to see whether `demo` owns all of its files. `os.walk` swallows the
    error, so none are seen, so all are `demo`'s, and the directory itself is moved aside and deleted.
    Without this plugin: `chmod 311 bin`, and any user but root; all of `bin` is then in `~in`, of which pip says
    "You can safely remove it manually". https://github.com/pypa/pip/pull/14097 is to replace the function.
    """
    fsfault.add(f"os.scandir {directory} -> ERROR_SHARING_VIOLATION when once")
    uninstall(environment)
    assert lost == {name for name in OTHERS if not (environment / name).exists()}
    assert "Successfully uninstalled demo-1.0" in said()


def test_a_file_that_cannot_be_looked_at_stays_for_good(environment, said, fsfault):
    """Success is reported, the script is still there, and no second run can remove it.

    `UninstallPathSet.add` passes over what does not exist, and `os.path.exists` says so of what it may not see.
    """
    with fsfault.add("os.stat **/bin/demo -> EACCES"):
        uninstall(environment)
    uninstall(environment)
    assert (True, False) == ((environment / "bin/demo").exists(), (environment / "lib/demo").exists())
    assert "Successfully uninstalled demo-1.0" in said()
    assert "Skipping demo as it is not installed." == said()[-1]


def test_a_killed_uninstall_cannot_be_repeated(prepare, fsfault):
    """Who is killed after the metadata was moved, and before the last file was, keeps those files for good.

    The second run calls `demo` not installed, since it sorts `demo-1.0.dist-info/` before `demo/`. That stashes
    stay after an interruption is known: https://github.com/pypa/pip/issues/11849
    """
    stranded = []
    for trial in fsfault.sweep(prepare, faults=("crash",), distinct="position"):
        with trial as root:
            uninstall(root)
        trial.check_nothing_lost(*STASHES)
        if trial.crashed:
            uninstall(root)
            if (root / "lib/demo_single.py").exists():
                stranded.append(_called(trial.injected[0], root))
    assert ["os.mkdir lib/~emo", "os.rename lib/demo_single.py"] == [stranded[0], stranded[-1]]
