"""Open files: what `open` returns under faults is what it returns without, and its calls can be refused."""

# ruff: noqa: BLE001, SIM105  # how a call is written is what is tested here

from __future__ import annotations

import io
import itertools
import os
import shutil
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from skips import posix_fact

from pytest_fsfault import SimulatedCrash, inject
from pytest_fsfault._host.originals import ORIGINALS

CONTENT = b"one\r\ntwo\n"
REAL_OPEN = ORIGINALS["io", "open"]
MODES = ["".join(mode) for mode in itertools.product("rwax", ("", "+"), ("", "b", "t"))]
FAULTS = "file.read, file.write, file.flush, file.truncate, file.close -> EIO when nth 999 or never"


def describe(file):
    """Return what can be seen of an open file, its layers included."""
    seen = []
    for layer in (file, getattr(file, "buffer", None), getattr(file, "raw", None)):
        if layer is not None and not isinstance(layer, str):
            facts = {
                name: getattr(layer, name, None)
                for name in ("name", "mode", "encoding", "errors", "closed", "newlines")
            }
            flags = {
                name: getattr(layer, name)()
                for name in ("readable", "writable", "seekable", "isatty", "tell")
            }
            extra = {
                name: getattr(layer, name, None)
                for name in ("line_buffering", "write_through", "closefd", "_blksize")
            }
            seen.append((type(layer).__module__, type(layer).__qualname__, repr(layer), facts, flags, extra))
    return seen


def attempt(opener, path, *args, **kwargs):
    """Open a file, and return what came of it: the file's description, or the error, with the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with opener(path, *args, **kwargs) as file:
                result = describe(file)
        except Exception as error:
            result = type(error), str(error)
    there = os.path.getsize(path) if os.path.isfile(path) else None
    return result, [(one.category, str(one.message), os.path.basename(one.filename)) for one in caught], there


@pytest.fixture
def path(tmp_path):
    """Name a file with content."""
    file = tmp_path / "file.txt"
    file.write_bytes(CONTENT)
    return str(file)


ARGUMENTS = [
    *[((mode,), {}) for mode in MODES],
    *[
        ((mode, buffering), {})
        for mode in ("r", "rb", "wb", "w", "r+b", "a+")
        for buffering in (0, 1, 2, 100, -1, -7, True)
    ],
    *[(("r",), {"newline": newline}) for newline in ("", "\n", "\r\n", "x")],
    *[(("w",), {"newline": newline}) for newline in ("", "\n", "\r\n", "x")],
    *[
        ((mode,), {"encoding": name})
        for mode in ("r", "w", "rb")
        for name in ("utf-8", "latin-1", "locale", "nonsense", "")
    ],
    *[((mode,), {"errors": name}) for mode in ("r", "w", "rb") for name in ("strict", "replace", "nonsense")],
    *[((mode,), {}) for mode in ("", "rw", "rbt", "br", "U", "rr", "+", "b", "z")],
    *[
        (("r",), {"closefd": False}),
        (("rb", "x"), {}),
        ((3,), {}),
        (("r",), {"encoding": 3}),
        (("w",), {"newline": 3}),
    ],
]


@pytest.mark.parametrize(("args", "kwargs"), ARGUMENTS)
@pytest.mark.parametrize("rule", ["os.chmod -> EIO or never", "open -> EIO when nth 999 or never", FAULTS])
def test_open_returns_what_the_original_returns(rule, args, kwargs, path, tmp_path):
    """Types, attributes, texts, buffer sizes, warnings, errors, and what is left of the file."""
    expected = attempt(REAL_OPEN, path, *args, **kwargs)
    with REAL_OPEN(path, "wb") as file:
        file.write(CONTENT)
    with inject(rule, roots=[tmp_path]):
        assert expected == attempt(open, path, *args, **kwargs)


@pytest.mark.parametrize("name", ["missing", "missing/x", "", "."])
@pytest.mark.parametrize("mode", ["r", "w", "rb"])
def test_open_fails_as_the_original_fails(name, mode, path, tmp_path):
    """A directory, a missing file, a missing directory."""
    where = f"{tmp_path.as_posix()}/{name}"
    real = attempt(REAL_OPEN, where, mode)
    if os.path.isfile(where):
        os.remove(where)
    with inject("open -> EIO when nth 9 or never", roots=[tmp_path]):
        assert real == attempt(open, where, mode)


@pytest.mark.parametrize(
    ("mode", "buffering", "size"), [("rb", -1, None), ("rb", 100, 100), ("w+b", 7, 7), ("wb", 5, 5)]
)
def test_buffers_have_the_size_that_was_asked_for(mode, buffering, size, path, tmp_path):
    """The size is that of the system's blocks unless given."""
    with inject("os.stat -> EIO or never", roots=[tmp_path]), open(path, mode, buffering) as ours:
        with REAL_OPEN(f"{path}2", "wb") as other, REAL_OPEN(other.name, mode, buffering) as real:
            assert real.__sizeof__() - ours.__sizeof__() == 0 or size is None
            assert io.BufferedReader is not type(real) or real.__sizeof__() == ours.__sizeof__()


def test_an_unclosed_file_warns_as_the_original_does(path, tmp_path):
    """The file is not kept alive by us, and its name is in the warning."""
    with (
        inject(FAULTS, roots=[tmp_path]),
        pytest.warns(ResourceWarning, match=r"unclosed file <_io.TextIOWrapper name='"),
    ):
        open(path)


def test_buffered_data_of_a_forgotten_file_arrives(path, tmp_path):
    """No cycle keeps the buffer from its file."""
    with inject(FAULTS, roots=[tmp_path]), pytest.warns(ResourceWarning):
        open(path, "w").write("data")
    with REAL_OPEN(path) as file:
        assert "data" == file.read()


WAYS = {
    "text": lambda path: open(path, "r+"),
    "binary": lambda path: open(path, "r+b"),
    "unbuffered": lambda path: open(path, "r+b", 0),
    "fdopen": lambda path: os.fdopen(os.open(path, os.O_RDWR), "r+"),
    "descriptor": lambda path: open(os.open(path, os.O_RDWR), "r+b"),
    "opener": lambda path: open(path, "r+", opener=os.open),
    "opener of another file": lambda path: open(
        "name", "r+", opener=lambda _name, flags: os.open(path, flags)
    ),
}
ACTS = {
    "file.read": lambda file: file.read(),
    "file.write": lambda file: (file.write("x" if isinstance(file, io.TextIOBase) else b"x"), file.flush()),
    "file.flush": lambda file: file.flush(),
    "file.truncate": lambda file: file.truncate(2),
    "file.close": lambda file: file.close(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operation", ACTS)
def test_calls_on_a_file_are_met_however_it_was_opened(operation, way, path, tmp_path):
    """The rule sees the file's path."""
    with inject(f"{operation} file.txt -> EIO when once", roots=[tmp_path]) as fsfault:
        file = WAYS[way](path)
        with pytest.raises(OSError, match=r"\[Errno 5\] Input/output error\Z"):
            ACTS[operation](file)
        file.close()
        assert [Path(path).as_posix()] == [entry.path for entry in fsfault.journal.faults]


TEMPORARY = {
    "NamedTemporaryFile": lambda where: tempfile.NamedTemporaryFile(dir=where),
    "TemporaryFile": lambda where: tempfile.TemporaryFile(dir=where),
    "mkstemp": lambda where: os.fdopen(tempfile.mkstemp(dir=where)[0], "w+b"),
    "SpooledTemporaryFile": lambda where: tempfile.SpooledTemporaryFile(1, dir=where),
}


@pytest.mark.parametrize("kind", TEMPORARY)
def test_temporary_files_are_met(kind, tmp_path):
    """They come from `os.open` and from openers, and count as files below the root."""
    with inject("file.write -> ENOSPC when once", roots=[tmp_path]), TEMPORARY[kind](tmp_path) as file:
        with pytest.raises(OSError, match="No space left"):
            (file.write(b"data"), file.flush())


@pytest.mark.parametrize(
    "operation",
    [pytest.param("os.open", marks=posix_fact("tempfile takes no EACCES for a name that is there")), "open"],
)
def test_making_a_named_temporary_file_is_one_operation(operation, tmp_path):
    """The directory that `tempfile` hands to `open` is not opened."""
    with inject(f"{operation} -> EACCES or never", roots=[tmp_path]) as fsfault:
        try:
            tempfile.NamedTemporaryFile(dir=tmp_path).close()
        except PermissionError:
            pass
        assert int(operation == "os.open") == len(fsfault.journal)


@pytest.mark.parametrize("operation", sorted(set(ACTS) - {"file.flush"}))
def test_a_rule_reaches_a_file_that_was_open_before_it(operation, path, tmp_path):
    """Files opened under faults are reached by every later rule."""
    with inject(roots=[tmp_path]) as fsfault:
        file = open(path, "r+b")
        with fsfault.add(f"{operation} -> EIO when once"), pytest.raises(OSError, match="Input/output"):
            ACTS[operation](file)
        file.close()


@pytest.mark.parametrize("mode", ["r", "rb"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_short_read_is_not_the_end_of_the_file(size, mode, path, tmp_path):
    """What follows is read by the next call to the system, as the original does it."""
    with REAL_OPEN(path, mode) as file:
        expected = file.read()
    with inject(f"file.read -> short {size}", roots=[tmp_path]), open(path, mode) as file:
        assert expected == file.read()
        assert not file.read()


@pytest.mark.parametrize("mode", ["wb", "r+b", "w"])
def test_a_short_write_counts_real_bytes(mode, path, tmp_path):
    """Seven bytes are on the disk, whatever Python's buffers held."""
    data = "0123456789" * 3
    with inject("file.write -> short 7 then ENOSPC when once", roots=[tmp_path]):
        file = open(path, mode)
        file.write(data if mode == "w" else data.encode())
        with pytest.raises(OSError, match="No space left"):
            file.flush()
        with REAL_OPEN(path, "rb") as other:
            assert b"0123456" == other.read(7)
        assert 7 == os.lseek(file.fileno(), 0, os.SEEK_CUR)
        with suppress(OSError):
            file.close()


FULL_DISK = {  # size of a piece, bytes written, size of the buffer (-1: the default), what is left
    "a part of the buffer": (3, 11, -1, 11),
    "more than the buffer has": (512, 11, -1, 11),
    "a single byte": (512, 1, -1, 1),
    "a buffer of the caller's size": (3, 20, 64, 20),
    "larger than the caller's buffer": (3, 20, 8, 3),
    "larger than the buffer": (3, 1 << 20, -1, 3),
}


@pytest.mark.parametrize("mode", ["wb", "ab", "w+b"])
@pytest.mark.parametrize(("size", "count", "buffer", "left"), FULL_DISK.values(), ids=FULL_DISK)
def test_a_second_try_writes_what_had_not_arrived(size, count, buffer, left, mode, path, tmp_path):
    """A buffer that met a full disk goes on where the disk was full, as CPython's does: no byte is there twice."""
    data = bytes(index % 251 for index in range(count))
    with (
        inject(f"file.write -> short {size} then ENOSPC when once", roots=[tmp_path]),
        open(path + ".new", mode, buffer) as file,
    ):
        with pytest.raises(OSError, match="No space left"):
            file.write(data)
            file.flush()
        assert left == file.tell()
    with REAL_OPEN(path + ".new", "rb") as file:
        assert data[:left] == file.read()


def test_a_short_write_is_completed_by_the_buffer(path, tmp_path):
    """Without an error the buffered writer goes on, as it does on a real system."""
    with (
        inject("file.write -> short 4 when every 2", roots=[tmp_path]) as fsfault,
        open(path, "wb", 0) as raw,
    ):
        written = [raw.write(b"0123456789") for _ in range(2)]
        assert ([10, 4], ["ok", "short"]) == (written, [entry.outcome for entry in fsfault.journal])
    with inject("file.write -> short 4 when once", roots=[tmp_path]), open(path, "wb") as file:
        file.write(b"0123456789")
    with REAL_OPEN(path, "rb") as file:
        assert b"0123456789" == file.read()


def test_buffered_data_is_lost_in_a_crash(path, tmp_path):
    """It never reached the system: not at close, nor after the session."""
    with pytest.raises(SimulatedCrash), inject("os.stat -> crash", roots=[tmp_path]):
        kept = open(path, "w")
        kept.write("from the buffer")
        with open(path + "2", "wb") as file:
            file.write(b"too")
            os.stat(path)
    kept.write("later")
    kept.close()
    assert [0, 0] == [os.path.getsize(path), os.path.getsize(path + "2")]


def test_what_was_flushed_survives_a_crash(path, tmp_path):
    """Only Python's buffer dies with the process."""
    with pytest.raises(SimulatedCrash), inject("os.stat -> crash", roots=[tmp_path]), open(path, "w") as file:
        file.write("flushed")
        file.flush()
        file.write("lost")
        os.stat(path)
    assert 7 == os.path.getsize(path)


@pytest.mark.parametrize(
    ("rule", "expected"), [("file.read src", ["file.read"]), ("file.write dst", ["file.write"])]
)
def test_copyfile_reads_and_writes(rule, expected, tmp_path):
    """The fast copy of the system is off, as Windows has none."""
    (tmp_path / "src").write_bytes(bytes(100_000))
    with inject(f"{rule} -> EIO", roots=[tmp_path]) as fsfault:
        with pytest.raises(OSError, match="Input/output"):
            shutil.copyfile(tmp_path / "src", tmp_path / "dst")
        assert expected == sorted({entry.operation for entry in fsfault.journal.faults})


@pytest.mark.parametrize(
    "data", [b"", bytearray(b"ab"), memoryview(b"abcd").cast("I"), memoryview(b"").cast("B")]
)
def test_any_buffer_can_be_written(data, path, tmp_path):
    """Items of four bytes, and none at all."""
    with inject("file.write -> EIO when nth 9 or never", roots=[tmp_path]), open(path, "wb", 0) as file:
        assert len(bytes(data)) == file.write(data)
    assert len(bytes(data)) == os.path.getsize(path)


@pytest.mark.parametrize("data", ["text", 3, None])
def test_what_is_no_buffer_is_refused_as_the_original_does(data, path, tmp_path):
    """The text is the original's."""
    with REAL_OPEN(path, "wb", 0) as file, pytest.raises(TypeError) as real:
        file.write(data)
    with inject("file.write -> EIO or never", roots=[tmp_path]), open(path, "wb", 0) as file:
        with pytest.raises(TypeError) as ours:
            file.write(data)
    assert str(real.value) == str(ours.value)


def test_lines_are_read_and_written_as_usual(path, tmp_path):
    """Iteration, seek and tell work over our raw file."""
    with inject(FAULTS, roots=[tmp_path]), open(path, "r+", newline="") as file:
        assert ["one\r\n", "two\n"] == list(file)
        assert (0, 0) == (file.seek(0), file.tell())
        file.writelines(["a\n", "b\n"])
        file.seek(0)
        assert "a\nb\n\ntwo\n" == file.read()


def test_inheriting_from_the_file_classes_still_works(path, tmp_path):
    """`io.FileIO` itself is not exchanged, and our files are instances of it."""
    with inject(FAULTS, roots=[tmp_path]), open(path, "rb", 0) as file:
        assert isinstance(file, io.FileIO)
        assert isinstance(file, io.RawIOBase)
