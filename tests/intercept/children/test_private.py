"""The directory that the environment names is used only if it is ours alone: anything else is refused in silence."""

import marshal
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from real_time import real_time
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._intercept.children.rendezvous import (
    is_private,
    open_private,
    pack_words,
    page_of,
    read_private,
    roots_of,
    socket_of,
    unpack_words,
    write_private,
)

pytestmark = posix_fact("a directory of one owner, with a socket in it")
as_root = pytest.mark.skipif(
    os.name != "posix" or os.getuid() != 0,
    reason="POSIX fact: only root can make a file of somebody else's",
)
PRECIOUS = b"precious"


@pytest.fixture
def place():
    """A private directory with everything that a parent puts there, below a short path."""
    with tempfile.TemporaryDirectory(prefix="t") as base:
        found = Path(base) / "pytest-fsfault-1-abc"
        found.mkdir(mode=0o700)
        (found / "roots").write_bytes(pack_words((base,)))
        (found / "p").write_bytes((1).to_bytes(8, sys.byteorder) + bytes(56))
        yield found


def run(place, code="import os, sys; os.stat(sys.argv[1] + '/x')"):
    """Run an interpreter that is sent to a place; return how long it took. It must say nothing of its own."""
    began = real_time()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{code}\nprint('ended')"
            if "stat" not in code
            else f"try:\n    {code}\nexcept FileNotFoundError: print('ended')",
            str(place.parent),
        ],
        env={**os.environ, "FSFAULT_CHILD": str(place)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ("ended\n", "") == (done.stdout, done.stderr)
    return real_time() - began


def _replace(path, make):
    path.unlink()
    make(path)


def _old_socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()


def _linked(path):
    target = path.with_name("target")
    target.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)


def _directory_link(place):
    real = place.with_name("real")
    place.rename(real)
    place.symlink_to(real)


WRONG = {
    "a directory that others may read": lambda place: place.chmod(0o750),
    "a directory that others may enter": lambda place: place.chmod(0o701),
    "a link to a directory": _directory_link,
    "a file": lambda place: (place.rename(place.with_name("real")), place.write_bytes(b"")),
    "nothing": lambda place: place.rename(place.with_name("real")),
    "roots are a FIFO": lambda place: _replace(place / "roots", os.mkfifo),
    "roots are a link": lambda place: _linked(place / "roots"),
    "roots are a directory": lambda place: _replace(place / "roots", os.mkdir),
    "roots are a socket": lambda place: _replace(place / "roots", _old_socket),
    "roots are endless": lambda place: _replace(place / "roots", lambda path: path.symlink_to("/dev/zero")),
    "roots are too long": lambda place: (place / "roots").write_bytes(b"/" * (1 << 21)),
    "no roots": lambda place: (place / "roots").unlink(),
    "somebody else's directory": pytest.param(lambda place: os.chown(place, 65534, 65534), marks=as_root),
    "somebody else's roots": pytest.param(lambda place: os.chown(place / "roots", 65534, 65534), marks=as_root),
}  # fmt: skip


@pytest.mark.parametrize("make", [pytest.param(*case.values, marks=case.marks, id=name) if hasattr(case, "values") else pytest.param(case, id=name) for name, case in WRONG.items()])  # fmt: skip
def test_a_place_that_is_not_ours(place, make):
    """No error, no wait, and nothing is written there."""
    make(place)
    before = sorted(os.listdir(place)) if place.is_dir() else None
    assert run(place) < 20
    assert before == (sorted(os.listdir(place)) if place.is_dir() else None)


WRONG_LATER = {
    "nobody answers": lambda _place: None,
    "the page is a FIFO": lambda place: _replace(place / "p", os.mkfifo),
    "the page is a link": lambda place: _linked(place / "p"),
    "the page is empty": lambda place: (place / "p").write_bytes(b""),
    "the page is short": lambda place: (place / "p").write_bytes(bytes(63)),
    "no page": lambda place: (place / "p").unlink(),
    "the socket is a file": lambda place: (place / "s").write_bytes(b""),
    "the socket is a FIFO": lambda place: os.mkfifo(place / "s"),
    "the socket is old": lambda place: _old_socket(place / "s"),
    "the roots are marshalled": lambda place: (place / "roots").write_bytes(marshal.dumps((str(place.parent),))),
    "the roots are code": lambda place: (place / "roots").write_bytes(marshal.dumps(compile("1/0", "x", "exec"))),
    "the roots are strange": lambda place: (place / "roots").write_bytes(bytes(range(256)) * 9),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_LATER)
def test_a_place_where_nobody_answers(place, case):
    """The first call that would have been asked about is made as if there were no place."""
    WRONG_LATER[case](place)
    assert run(place) < 20


def test_a_link_is_not_followed(place):
    """Nothing is written through one, whatever number a process gets."""
    precious = place.with_name("precious")
    precious.write_bytes(PRECIOUS)
    for number in range(os.getpid(), os.getpid() + 500):
        (place / f"{number}.met").symlink_to(precious)
    run(place, "import sys")
    assert PRECIOUS == precious.read_bytes()


def test_a_file_is_written_anew_or_not_at_all(place):
    """There is nothing of that name, or nothing is written."""
    write_private(str(place / "new"), PRECIOUS)
    assert (PRECIOUS, 0o600) == (read_private(str(place / "new")), (place / "new").stat().st_mode & 0o777)
    for make in (Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")):
        path = place / "there"
        make(path)
        with pytest.raises(FileExistsError):
            write_private(str(path), PRECIOUS)
        path.unlink()
    place.chmod(0o755)
    for function in (open_private, read_private):
        with pytest.raises(PermissionError):
            function(str(place / "new"))
    with pytest.raises(PermissionError):
        write_private(str(place / "other"), PRECIOUS)


def test_names_that_are_no_directory():
    """Whatever the variable says."""
    assert not any(
        map(is_private, ["", ".", "relative", "/", "/nowhere", "/dev/null", "a\0b", "/" + "x" * 5000])
    )


def test_the_place_of_a_session_is_private(tmp_path):
    """It is made for us alone, and so is everything in it."""
    with inject("os.mkdir -> EACCES or never", roots=[tmp_path], native=False):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        place = os.environ["FSFAULT_CHILD"]
        assert is_private(place)
        assert 0o600 == os.stat(roots_of(place)).st_mode & 0o777 == os.stat(page_of(place)).st_mode & 0o777
        assert (str(tmp_path),) == unpack_words(read_private(roots_of(place)))[1:]
        assert os.path.exists(socket_of(place))
    assert not os.path.exists(place)


def test_words_arrive_as_they_were():
    """Also those that are no text."""
    words = ("a", "", "b c", os.fsdecode(b"\xff"), "ü")
    assert words == unpack_words(pack_words(words))
    assert () == unpack_words(b"")
