"""What the comparison says of others is what they do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest


@pytest.fixture
def fake():
    """Return pyfakefs' Windows, with a file in it."""
    patcher = pytest.importorskip("pyfakefs.fake_filesystem_unittest").Patcher
    if not version("pyfakefs").startswith("6.3."):
        pytest.skip("the page is about pyfakefs 6.3")
    from pyfakefs.fake_filesystem import OSType

    with patcher() as running:
        running.fs.os = OSType.WINDOWS
        running.fs.create_file("C:\\d\\Foo.txt")
        yield running.fs


def test_errors_of_a_fake_windows_are_not_those_of_windows(fake):
    """They have one name and no `winerror`."""
    fake.create_file("C:\\d\\other")
    with pytest.raises(FileExistsError) as found:
        os.rename("C:\\d\\other", "C:\\d\\Foo.txt")
    assert (17, None, None) == (
        found.value.errno,
        getattr(found.value, "winerror", None),
        found.value.filename2,
    )


def test_a_fake_windows_refuses_what_the_test_has_open(fake):
    """It shows another error than Windows."""
    with open("C:\\d\\Foo.txt"), pytest.raises(PermissionError) as found:
        os.remove("C:\\d\\Foo.txt")
    assert (13, None) == (found.value.errno, getattr(found.value, "winerror", None))


def test_a_fake_windows_knows_case_and_no_forbidden_names(fake):
    """What Windows refuses to make is made."""
    assert os.path.exists("C:\\d\\FOO.TXT")
    for name in ("a<b.txt", "nul.txt"):
        with open(f"C:\\d\\{name}", "w"):
            assert name in os.listdir("C:\\d")


@pytest.mark.slow
def test_strace_gives_errors_of_linux(tmp_path):
    """The command of the page, on a Python that renames twice."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    (tmp_path / "a").touch()
    code = (
        "import os, sys\nfor _ in range(2):\n    try:\n        os.rename('a', 'b')\n"
        "    except OSError as error:\n        print(type(error).__name__, error.errno, hasattr(error, 'winerror'))\n"
    )
    command = ["strace", "-f", "-o", "log", "-e", "inject=rename:error=EACCES:when=1", "-P", "a"]
    done = subprocess.run(
        [*command, sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr[-200:]}")
    assert "PermissionError 13 False\n" == done.stdout
    assert (tmp_path / "b").exists()
