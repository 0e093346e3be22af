"""With strict="all" a change that no call of ours has made fails the test."""

import ctypes
import os
import subprocess
import sys

import pytest
from skips import WINDOWS, posix_fact

from pytest_fsfault import inject

pytestmark = posix_fact("programs such as touch, rm and mv, and the C library by its descriptors")
libc = None if WINDOWS else ctypes.CDLL(None)


def _by_libc(root):
    assert libc.mkdir(os.fsencode(root / "made"), 0o755) == 0


def _by_an_isolated_child(root):
    subprocess.run([sys.executable, "-S", "-c", f"open({str(root / 'made')!r}, 'w')"], check=True)


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
    "a child out of reach": (_by_an_isolated_child, "made"),
    "in a directory that is there": (
        lambda root: subprocess.run(["touch", root / "sub" / "made"], check=True),
        "sub/made",
    ),
}


@pytest.mark.parametrize("case", ESCAPES)
def test_a_change_from_elsewhere_is_noticed(root, case):
    """The message names the path; without strict="all" nothing is said."""
    change, name = ESCAPES[case]
    for strict in (True, "all"):
        (root / "sub").mkdir(exist_ok=True)
        for path in ("made", "x", "sub/made"):
            subprocess.run(["rm", "-rf", root / path], check=True)
        (root / "there").write_text("old")
        if strict is True:
            with inject(roots=[root]):
                change(root)
            continue
        with pytest.raises(AssertionError) as caught, inject(roots=[root], strict="all", native=False):
            change(root)
        told = (
            f"{root / name} was changed although no call of ours changed it: a native program or C code did, "
        )
        assert f"{told}which no fault reaches" in str(caught.value).splitlines()


OURS = {
    "calls": "(root / 'a').write_text('x'); os.rename(root / 'a', root / 'b'); os.mkdir(root / 'd'); os.remove(root / 'b')",
    "a directory that is moved with what is in it": "os.rename(root / 'sub', root / 'other')",
    "a file of two names": "os.link(root / 'sub' / 'file', root / 'name'); (root / 'sub' / 'file').write_text('new, and longer')",
    "shutil": "shutil.copytree(root / 'sub', root / 'copy'); shutil.rmtree(root / 'sub')",
    "early bound": "late('made', dir_fd=os.open(root, os.O_RDONLY)) if 0 else early(root / 'made')",
    "a mapping": "m = mmap.mmap(os.open(root / 'sub' / 'file', os.O_RDWR), 3); m[0:1] = b'y'; m.flush(); m.close()",
    "a child": "subprocess.run([sys.executable, '-c', f'open({str(root / \"made\")!r}, \"w\")'], check=True)",
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
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
        for descriptor in range(3, 64):
            if os.path.realpath(f"/proc/self/fd/{descriptor}").startswith(str(root)):
                os.close(descriptor)


def test_what_is_changed_while_the_faults_are_paused_is_no_escape(root):
    """Whoever pauses knows what he does."""
    with inject("os.link -> EACCES or never", roots=[root], strict="all") as fsfault:
        with fsfault.paused():
            subprocess.run(["touch", root / "made"], check=True)
        (root / "made").write_text("x")
