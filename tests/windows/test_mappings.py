"""What this process has mapped is read from the operating system, and only when that may have changed."""

# ruff: noqa: F401, F811  # fixtures are imported

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from types import SimpleNamespace

import pytest

from pytest_fsfault import inject
from pytest_fsfault._windows.open_files import descendants
from pytest_fsfault._windows.open_files.queries import Mapped, SameFile
from pytest_fsfault._windows.open_files.this_process import OpenFiles
from pytest_fsfault._windows.sharing import ALL, WRITE, Opening

from .seeing import file, identity, library, linux, natives, open_files

pytestmark = pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself")

ACCESSES = [mmap.ACCESS_READ, mmap.ACCESS_WRITE, mmap.ACCESS_COPY]


@linux
@pytest.mark.parametrize("access", ACCESSES)
def test_a_mapped_file_is_open_and_mapped(open_files, file, tmp_path, access):
    """Python keeps a duplicate of the descriptor as long as it maps the file, as on Windows."""
    with open(file, "r+b") as opened, mmap.mmap(opened.fileno(), 0, access=access):
        opened.close()
        open_files.note_mapping()
        handle, section = open_files.of(identity(file))
        assert (
            "handle",
            Opening(WRITE * (access == mmap.ACCESS_WRITE), ALL, "section", "mapped by this process", file),
        ) == (
            handle.kind,
            section,
        )
        assert ["handle", "section"] == [one.kind for one in open_files.below(str(tmp_path))]
    assert [] == open_files.of(identity(file))
    assert [] == open_files.below(str(tmp_path))


@linux
@pytest.mark.skipif(sys.version_info < (3, 13), reason="`trackfd` is new in 3.13")
def test_a_mapping_without_a_descriptor_is_a_section(open_files, file, tmp_path):
    """There is no handle then."""
    with open(file, "rb") as opened:
        mapping = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ, trackfd=False)
    open_files.note_mapping()
    section = Opening(0, ALL, "section", "mapped by this process", file)
    assert [section] == open_files.of(identity(file)) == open_files.below(str(tmp_path))
    mapping.close()
    assert [] == open_files.of(identity(file)) == open_files.below(str(tmp_path))


@linux
def test_a_loaded_library_is_an_image(open_files, library, tmp_path):
    """Nobody has it open, and its parts that are data do not make it a section; it may be renamed."""
    loaded = ctypes.CDLL(library)
    open_files.note_mapping()
    image = Opening(0, ALL, "image", "loaded by this process", library)
    assert [image] == open_files.of(identity(library)) == open_files.below(str(tmp_path))
    moved = str(tmp_path / "aside.so")
    os.rename(library, moved)
    assert [image._replace(path=moved)] == open_files.of(identity(moved)) == open_files.below(str(tmp_path))
    ctypes.CDLL(None).dlclose(ctypes.c_void_p(loaded._handle))
    assert [] == open_files.of(identity(moved)) == open_files.below(str(tmp_path))


@linux
def test_a_loaded_library_that_lost_its_name_keeps_its_other(open_files, library, tmp_path):
    """An image forbids the deletion of its last link."""
    other = str(tmp_path / "hard.so")
    os.link(library, other)
    loaded = ctypes.CDLL(library)
    open_files.note_mapping()
    os.unlink(library)
    assert [Opening(0, ALL, "image", "loaded by this process")] == open_files.of(identity(other))
    assert [] == open_files.below(str(tmp_path))
    ctypes.CDLL(None).dlclose(ctypes.c_void_p(loaded._handle))


@linux
def test_the_interpreter_is_running(open_files):
    """Its own program is an image as any other."""
    program = os.path.realpath(sys.executable)
    name = os.path.basename(program)
    expected = Opening(0, ALL, "image", f"{name} is running (this process)", program)
    assert expected in open_files.of(identity(program))
    assert expected in open_files.below(os.path.dirname(program))


@linux
def test_maps_are_read_only_after_a_note(file, tmp_path):
    """They cost ten times as much as the descriptors."""
    read = []

    def recorded(path, *arguments, **options):
        if "maps" in path:
            read.append(path)
        return os.open(path, *arguments, **options)

    open_files = OpenFiles(natives(open=recorded))
    looks = []
    for note in (False, False, True, False):
        if note:
            open_files.note_mapping()
        open_files.of(identity(file))
        looks.append(len(read))
    assert [1, 1, 2, 2] == looks
    open_files.note_mapping()
    open_files.below(str(tmp_path))
    assert ["/proc/self/maps"] * 3 == read


@linux
def test_what_is_noted_during_a_look_is_for_the_next(file):
    """A mapping that another thread makes meanwhile may have been missed."""
    noting = []

    def interrupted(place):
        if noting:
            noting.pop().note_mapping()
        return os.readlink(place)

    open_files = OpenFiles(natives(readlink=interrupted))
    noting.append(open_files)
    open_files.of(identity(file))
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ):
        assert ["handle", "handle", "section"] == [one.kind for one in open_files.of(identity(file))]


MAPS = b"""\
55caf8cba000-55caf8cbc000 r--p 00000000 fe:00 260131                     /usr/bin/python3
55caf8cbc000-55caf8cc1000 r-xp 00002000 fe:00 260131                     /usr/bin/python3
55caf8cc4000-55caf8cc5000 rw-p 0000a000 fe:00 260131                     /usr/bin/python3
55caf9e1d000-55caf9e3e000 rw-p 00000000 00:00 0                          [heap]
7f2a1c000000-7f2a1c021000 rw-p 00000000 00:00 0
7f2a20000000-7f2a20001000 rw-s 00000000 00:1f 77                         /tmp/two\\012lines and blanks
7f2a20001000-7f2a20002000 rw-s 00000000 00:01 78                         /memfd:x (deleted)
7f2a20003000-7f2a20004000 r-xp 00000000 100:ff002 79                     /opt/a.so
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


@linux
def test_maps_are_understood():
    """As proc(5) describes them: device in hexadecimal, inode in decimal, line breaks escaped."""
    assert [
        Mapped(os.makedev(0xFE, 0), 260131, "/usr/bin/python3", image=True),
        Mapped(os.makedev(0, 0x1F), 77, "/tmp/two\nlines and blanks", image=False, writable=True),
        Mapped(os.makedev(0, 1), 78, "", image=False, writable=True),
        Mapped(os.makedev(0x100, 0xFF002), 79, "/opt/a.so", image=True),
    ] == descendants.parse_maps(MAPS)


def test_where_the_maps_show_another_device_the_path_decides(file, tmp_path):
    """On btrfs and overlay they differ from `stat`; the number alone may be another device's."""
    device, inode = identity(file)
    sought = SameFile(natives(), (device, inode))
    there = Mapped(device + 1, inode, file, image=False)
    elsewhere = Mapped(device + 1, inode, str(tmp_path), image=False)
    gone = Mapped(device + 1, inode, "", image=False)
    assert [there] == sought.mapped([elsewhere, there, gone])


def test_the_loader_of_macos_lists_the_images(file, monkeypatch):
    """Most of the system's own libraries are no files of their own there."""
    images = [file.encode(), b"/usr/lib/libSystem.B.dylib-that-is-no-file", None]

    def name(index):
        return images[index]

    loader = SimpleNamespace(_dyld_image_count=lambda: len(images), _dyld_get_image_name=name)
    monkeypatch.setattr(ctypes, "pythonapi", loader)
    assert [Mapped(*identity(file), file, image=True)] == descendants.loaded_images(natives())


@pytest.fixture
def fsfault(tmp_path):
    """Return the faults of a Windows 11."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows("11")
        yield fsfault


@pytest.mark.parametrize("mode", ["rb", "ab"])
def test_a_mapping_needs_its_access(fsfault, tmp_path, mode):
    """WinError 5 where the file is not open for it: python/cpython#99871."""
    (tmp_path / "f").write_bytes(b"x" * 10)
    with open(tmp_path / "f", mode) as file, pytest.raises(PermissionError) as caught:
        mmap.mmap(file.fileno(), 0)
    assert [5, "Access is denied", None] == [
        caught.value.winerror, caught.value.strerror, caught.value.filename,
    ]  # fmt: skip


def test_a_mapping_begins_where_one_may(fsfault, tmp_path):
    """At a multiple of 64 KiB (Microsoft, "MapViewOfFile"); what is refused leaves nothing open."""
    (tmp_path / "f").write_bytes(bytes(0x20000))
    with open(tmp_path / "f", "r+b") as file:
        with pytest.raises(OSError, match="proper alignment") as caught:
            mmap.mmap(file.fileno(), 4096, offset=4096)
        mmap.mmap(file.fileno(), 4096, offset=0x10000).close()
    assert 1132 == caught.value.winerror
    (refused,) = fsfault.journal.faults
    assert "mmap.mmap" == refused.operation
    os.remove(tmp_path / "f")


def test_mappings_elsewhere_are_the_hosts(fsfault, tmp_path_factory):
    """What lies outside the roots, and memory without a file."""
    path = tmp_path_factory.mktemp("elsewhere") / "f"
    path.write_bytes(bytes(0x20000))
    with open(path, "r+b") as file:
        mmap.mmap(file.fileno(), 4096, offset=mmap.PAGESIZE).close()
    with open(path, "rb") as file, pytest.raises(PermissionError) as caught:
        mmap.mmap(file.fileno(), 0)
    assert getattr(caught.value, "winerror", None) is None
    mmap.mmap(-1, 4096).close()
