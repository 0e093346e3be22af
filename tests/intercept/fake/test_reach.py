"""By whatever name a call comes to a fake: `os`, names bound early, `pathlib`, `shutil`, `tempfile`, `os.path`."""

# ruff: noqa: PLW0108, UP020  # how a call is written is what is tested here

from __future__ import annotations

import contextlib
import glob
import io
import os
import shutil
import sys
import tempfile
from functools import partial
from os import listdir, remove
from pathlib import Path
from shutil import rmtree
from time import sleep

import pytest
from skips import marked, posix_fact

from pytest_fsfault import inject

#: The rule, and a call that meets it; `/d/f` is a file, `/d/e` an empty directory.
CALLS = {
    "os": ("os.remove", lambda: os.remove("/d/f")),
    "a name bound early": ("os.remove", lambda: remove("/d/f")),
    "a name in a comprehension": ("os.listdir", lambda: [listdir(path) for path in ["/d"]]),
    "a partial": ("os.remove", lambda: partial(os.remove, "/d/f")()),
    "map": ("os.remove", lambda: list(map(os.remove, ["/d/f"]))),
    "bytes": ("os.remove", lambda: os.remove(b"/d/f")),
    "a keyword": ("os.remove", lambda: os.remove(path="/d/f")),
    "a relative path": ("os.remove", lambda: os.remove("d/f")),
    "dots in a path": ("os.remove", lambda: os.remove("/d/e/../f")),
    "a directory's descriptor": ("os.remove", lambda: os.remove("f", dir_fd=os.open("/d", os.O_RDONLY))),
    "a descriptor": ("os.chmod", lambda: os.chmod(os.open("/d/f", os.O_RDONLY), 0o600)),
    "Path.unlink": ("os.remove", lambda: Path("/d/f").unlink()),
    "Path.rename": ("os.rename", lambda: Path("/d/f").rename("/d/g")),
    "Path.replace": ("os.replace", lambda: Path("/d/f").replace("/d/g")),
    "Path.mkdir": ("os.mkdir", lambda: Path("/d/g").mkdir()),
    "Path.rmdir": ("os.rmdir", lambda: Path("/d/e").rmdir()),
    "Path.stat": ("os.stat", lambda: Path("/d/f").stat()),
    "Path.chmod": ("os.chmod", lambda: Path("/d/f").chmod(0o600)),
    "Path.touch": ("os.utime, os.open", lambda: Path("/d/f").touch(exist_ok=False)),
    "Path.open": ("open", lambda: Path("/d/f").open()),
    "Path.read_text": ("open", lambda: Path("/d/f").read_text()),
    "Path.write_bytes": ("file.write", lambda: Path("/d/f").write_bytes(b"new")),
    "Path.symlink_to": ("os.symlink", lambda: Path("/d/g").symlink_to("f")),
    "Path.iterdir": ("os.listdir, os.scandir", lambda: list(Path("/d").iterdir())),
    "io.open": ("open", lambda: io.open("/d/f")),
    "os.fdopen": ("file.read", lambda: os.fdopen(os.open("/d/f", os.O_RDONLY)).read()),
    "an opener": ("os.open", lambda: open("/d/f", opener=lambda path, flags: os.open(path, flags))),
    "os.makedirs": ("os.mkdir", lambda: os.makedirs("/d/x/y")),
    "os.removedirs": ("os.rmdir", lambda: os.removedirs("/d/e")),
    "os.renames": ("os.rename", lambda: os.renames("/d/f", "/x/g")),
    "os.walk": (
        "os.scandir",
        lambda: list(os.walk("/d", onerror=lambda error: (_ for _ in ()).throw(error))),
    ),
    "os.path.getsize": ("os.stat", lambda: os.path.getsize("/d/f")),
    "os.path.getmtime": ("os.stat", lambda: os.path.getmtime("/d/f")),
    "os.path.samefile": ("os.stat", lambda: os.path.samefile("/d/f", "/d/f")),
    "shutil.copyfile": ("file.read", lambda: shutil.copyfile("/d/f", "/d/g")),
    "shutil.copytree": ("os.mkdir", lambda: shutil.copytree("/d", "/x")),
    "shutil.move": ("shutil.move", lambda: shutil.move("/d/f", "/d/g")),
    "shutil.rmtree": ("os.rmdir", lambda: shutil.rmtree("/d/e")),
    "shutil.rmtree, bound early": ("shutil.rmtree", lambda: rmtree("/d/e")),
    "what shutil calls of its own": ("shutil.copystat", lambda: shutil.copy2("/d/f", "/d/g")),
    "tempfile.mkdtemp": ("os.mkdir", lambda: tempfile.mkdtemp(dir="/d")),
    "tempfile.NamedTemporaryFile": ("os.open", lambda: tempfile.NamedTemporaryFile(dir="/d")),
    "a default argument of shutil's": ("shutil.copy2", lambda: shutil.copytree("/d", "/x")),
}


@pytest.fixture(autouse=True)
def _site(fs):
    """Lay out the tree."""
    fs.create_file("/d/f", contents="content")
    fs.create_dir("/d/e")


@pytest.mark.parametrize(
    "how", marked(CALLS, {"a directory's descriptor": posix_fact("a directory's descriptor")})
)
def test_reached(how):
    """The rule meets the call, whose site is the line here."""
    rule, call = CALLS[how]
    raised = (OSError, shutil.Error)
    with inject(f"{rule} -> EBUSY when once") as fsfault, pytest.raises(raised):
        call()
    [entry] = fsfault.journal.faults
    assert entry.call_site.startswith(__file__)


@pytest.fixture
def shutil_of_windows(monkeypatch):
    """Let pyfakefs have the functions of its own that it has on Windows from Python 3.12 on, as they stand there."""
    module = sys.modules["pyfakefs.fake_filesystem_shutil"]
    real = module.shutil

    def copy2(self, src, dst, *, follow_symlinks=True):
        self.copyfile(src, dst, follow_symlinks=follow_symlinks)
        self.copystat(src, dst, follow_symlinks=follow_symlinks)
        return dst

    def copytree(self, src, dst, symlinks=False, ignore=None, copy_function=real.copy2):
        function = self.copy2 if copy_function == real.copy2 else copy_function
        return real.copytree(src, dst, symlinks, ignore, function)

    def move(self, src, dst, copy_function=real.copy2):
        return real.move(src, dst, self.copy2 if copy_function == real.copy2 else copy_function)

    own = {function.__name__: function for function in (copy2, copytree, move)}
    for name, function in own.items():
        monkeypatch.setattr(module.FakeShutilModule, name, function, raising=False)
    defaults = [function.__defaults__ for function in own.values()]
    yield
    assert own.items() <= vars(module.FakeShutilModule).items()
    assert defaults == [function.__defaults__ for function in own.values()]


@pytest.mark.parametrize("how", ["copy2", "copytree"])
def test_a_copy_that_pyfakefs_makes_by_itself_is_reached(shutil_of_windows, how):
    """Its class has `copy2`, which is no function of `shutil`; `copytree` takes that one by default."""
    with inject("shutil.copy2 -> EBUSY when once") as fsfault, pytest.raises((OSError, shutil.Error)):
        getattr(shutil, how)(*{"copy2": ("/d/f", "/d/g"), "copytree": ("/d", "/x")}[how])
    [entry] = fsfault.journal.faults
    assert ("shutil.copy2", True) == (entry.operation, entry.call_site.startswith(__file__))
    assert not os.path.exists("/d/g")


def test_a_move_copies_by_that_function(shutil_of_windows, fs):
    """From one file system to another; the file arrives."""
    with inject("os.rename -> EXDEV when once", "shutil.copy2 -> delay 1s") as fsfault:
        shutil.move("/d/f", "/d/g")
    assert ["os.rename", "shutil.copy2"] == [entry.operation for entry in fsfault.journal]
    assert ("content", False) == (Path("/d/g").read_text(), os.path.exists("/d/f"))


#: What is asked of `os.path`, and the answer where that is refused.
ASKED = {
    "exists": "os.stat", "isfile": "os.stat", "isdir": "os.stat", "lexists": "os.lstat", "islink": "os.lstat",
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_what_cannot_be_looked_at_is_not_there(name):
    """The functions of `os.path` answer False, as they do where `os.stat` fails."""
    with inject(f"{ASKED[name]} -> EACCES when first 2") as fsfault:
        assert False is getattr(os.path, name)("/d/f")
        assert [ASKED[name]] == [entry.operation for entry in fsfault.journal]
        os.path.lexists("/d/f")
        os.path.exists("/d/f")
        assert os.path.exists("/d/f") or ASKED[name] == "os.lstat"


def test_what_the_fake_calls_of_itself_is_nobodys():
    """`os.open` gives a mode to the file that it makes: one call, one operation."""
    with inject("os.open -> delay 1ms", "os.chmod, os.stat, os.lstat -> EACCES or never") as fsfault:
        os.close(os.open("/d/g", os.O_WRONLY | os.O_CREAT))
    assert ["os.open"] == [entry.operation for entry in fsfault.journal]


def test_what_the_test_sets_up_with_pyfakefs_itself_is_nobodys(fs):
    """`fs.create_file` builds the site; it is not the code under test."""
    with inject("any -> EACCES or never", strict=False) as fsfault:
        fs.create_file("/d/deep/er/g")
        fs.remove_object("/d/f")
        fs.exists("/d/e")
    assert [] == list(fsfault.journal)


def test_real_files_are_left_alone_while_the_fake_is_there(fs):
    """What pyfakefs reads of the real file system is not the code under test's: nothing real can be hit."""
    with inject("any -> EACCES or never", roots=["/"]) as fsfault:
        fs.add_real_directory(os.path.dirname(__file__), lazy_read=False)
    assert [] == list(fsfault.journal)


def test_virtual_time_goes_on(fs):
    """A name of `time` that was bound early is exchanged on a fake as well."""
    with inject("os.remove -> EBUSY when first 3") as fsfault:
        for _ in range(4):
            try:
                os.remove("/d/f")
            except OSError:
                sleep(100)
        fsfault.assert_retried("os.remove", attempts=4, within=301)


def test_listings_keep_their_order(fs):
    """Under the Windows model in name order, otherwise as the fake has them."""
    for name in ("b", "A", "c"):
        fs.create_file(f"/x/{name}")
    with inject(windows="11"):
        assert ["A", "b", "c"] == os.listdir("/x")
        assert ["A", "b", "c"] == [entry.name for entry in os.scandir("/x")]
        assert [("/x", [], ["A", "b", "c"])] == list(os.walk("/x"))
    assert [f"/x{os.sep}{name}" for name in "Abc"] == sorted(glob.glob("/x/*"))


@pytest.mark.parametrize("threads", [4])
def test_threads_are_reached(threads):
    """Each thread's calls are decided by themselves, whatever the fake does in another one."""
    import threading

    errors = []

    def work(number):
        with contextlib.suppress(OSError):
            os.mkdir(f"/d/{number}")
            return
        errors.append(number)

    with inject("os.mkdir -> EACCES when first 1 per path"):
        running = [threading.Thread(target=work, args=[number]) for number in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    assert list(range(threads)) == sorted(errors)
