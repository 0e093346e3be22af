"""With strict="all" a change that no call of ours has made fails the test."""

import ctypes
import os
import subprocess
import sys

import pytest
from skips import WINDOWS, marked, posix_fact

from pytest_fsfault import inject

libc = None if WINDOWS else ctypes.CDLL(None)


def _by_libc(root):
    assert libc.mkdir(os.fsencode(root / "made"), 0o755) == 0


def _by_an_isolated_child(code):
    """Return what lets a Python change something of which no fault, and nobody, is told."""
    return lambda root: subprocess.run(
        [sys.executable, "-S", "-c", f"import os\n{code}"], cwd=root, check=True
    )


ESCAPES = {
    "a native program makes": (lambda root: subprocess.run(["touch", root / "made"], check=True), "made"),
    "a native program deletes": (lambda root: subprocess.run(["rm", root / "there"], check=True), "there"),
    "a native program writes": (
        lambda root: subprocess.run(["cp", "/bin/true", root / "there"], check=True),
        "there",
    ),
    "a native program renames": (
        lambda root: subprocess.run(["mv", root / "there", root / "x"], check=True),
        "there",
    ),
    "ctypes": (_by_libc, "made"),
    "a child out of reach makes": (_by_an_isolated_child("open('made', 'w').close()"), "made"),
    "a child out of reach deletes": (_by_an_isolated_child("os.remove('there')"), "there"),
    "a child out of reach writes": (_by_an_isolated_child("open('there', 'w').write('longer')"), "there"),
    "a child out of reach renames": (_by_an_isolated_child("os.rename('there', 'x')"), "there"),
    "a child out of reach, in a directory that is there": (
        _by_an_isolated_child("os.mkdir('sub/made')"),
        "sub/made",
    ),
    "in a directory that is there": (
        lambda root: subprocess.run(["touch", root / "sub" / "made"], check=True),
        "sub/made",
    ),
}


#: What a program of Windows would do otherwise, or not at all.
LEFT = {
    **dict.fromkeys(
        [name for name in ESCAPES if "native" in name or name == "in a directory that is there"],
        posix_fact("programs such as touch, rm and mv"),
    ),
    "ctypes": posix_fact("a C library with mkdir in the program itself"),
}


def _clear(root):
    """Remove what a change has made."""
    for path in (root / "x", root / "made", root / "sub" / "made"):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("case", marked(ESCAPES, LEFT))
def test_a_change_from_elsewhere_is_noticed(root, case):
    """The message names the path; without strict="all" nothing is said."""
    change, name = ESCAPES[case]
    for strict in (True, "all"):
        (root / "sub").mkdir(exist_ok=True)
        _clear(root)
        (root / "there").write_text("old")
        if strict is True:
            with inject(roots=[root]):
                change(root)
            continue
        with pytest.raises(AssertionError) as caught, inject(roots=[root], strict="all", native=False):
            change(root)
        told = f"{(root / name).as_posix()} was changed although no call of ours changed it: a native program or C code did, "
        assert f"{told}which no fault reaches" in str(caught.value).splitlines()


OURS = {
    "calls": "(root / 'a').write_text('x'); os.rename(root / 'a', root / 'b'); os.mkdir(root / 'd'); os.remove(root / 'b')",
    "a directory that is moved with what is in it": "os.rename(root / 'sub', root / 'other')",
    "a file of two names": "os.link(root / 'sub' / 'file', root / 'name'); (root / 'sub' / 'file').write_text('new, and longer')",
    "shutil": "shutil.copytree(root / 'sub', root / 'copy'); shutil.rmtree(root / 'sub')",
    "early bound": "early(root / 'made')",
    "a mapping": "d = os.open(root / 'sub' / 'file', os.O_RDWR); m = mmap.mmap(d, 3); os.close(d); m[0:1] = b'y'; m.flush(); m.close()",
    "a child": "subprocess.run([sys.executable, '-c', f'open({str(root / \"made\")!r}, \"w\")'], check=True)",
}


@pytest.mark.parametrize("case", OURS)
def test_what_our_calls_change_is_no_escape(root, case):
    """Nor is what the faults refuse."""
    import mmap
    import shutil

    (root / "sub").mkdir()
    (root / "sub" / "file").write_text("old")
    space = {
        "os": os,
        "shutil": shutil,
        "mmap": mmap,
        "root": root,
        "subprocess": subprocess,
        "sys": sys,
        "early": os.mkdir,
    }
    with inject("os.readlink -> EACCES or never", roots=[root], strict="all"):
        exec(OURS[case], space)


def test_what_is_changed_while_the_faults_are_paused_is_no_escape(root):
    """Whoever pauses knows what he does."""
    with inject("os.link -> EACCES or never", roots=[root], strict="all") as fsfault:
        with fsfault.paused():
            _by_an_isolated_child("open('made', 'w').close()")(root)
        (root / "made").write_text("x")
