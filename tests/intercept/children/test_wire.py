"""What a child says arrives as it was said, byte by byte or all at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_fsfault import RetryStorm, SimulatedCrash, windows_error
from pytest_fsfault._core.language.errors import add_winerror, plain_error
from pytest_fsfault._core.language.operations import OPERATIONS, Operation, Temporary
from pytest_fsfault._intercept.children.protocol import (
    Frames,
    decode_failure,
    decode_operation,
    encode_failure,
    encode_operation,
    pack,
)

NAMES = st.one_of(st.text(), st.binary(), st.integers(0, 1 << 40))
OPERATION = st.builds(
    Operation,
    name=st.sampled_from(sorted(OPERATIONS)),
    path=st.text(),
    target=st.none() | st.text(),
    groups=st.frozensets(st.sampled_from(["read", "write", "any"])),
    shown=st.none() | NAMES,
    shown_target=st.none() | NAMES,
    call_site=st.text(),
    early_bound=st.booleans(),
    doubtful=st.booleans(),
    detail=st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(), st.builds(Temporary, st.integers(0, 9999))
    ),
)


def travel(message):
    """Return a message as it arrives."""
    (found,) = Frames().feed(pack((message,)))
    return found[0]


@given(OPERATION)
def test_law_an_operation_arrives_as_it_was(operation):
    """With the kind of its details, which a model asks for."""
    found = decode_operation(travel(encode_operation(operation)))
    assert operation == found
    assert type(operation.detail) is type(found.detail)


@given(st.lists(st.tuples(st.text(), st.integers(), st.none() | st.binary()), max_size=5), st.integers(1, 7))
def test_law_messages_arrive_however_they_are_cut(messages, size):
    """A stream knows no messages."""
    stream, frames = b"".join(map(pack, messages)), Frames()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert messages == [tuple(message) for piece in pieces for message in frames.feed(piece)]


class _Name(str):
    __slots__ = ()


def test_what_is_written_does_not_travel():
    """The buffer of an `os.write` may be long; a text of a class of its own becomes a plain one."""
    found = decode_operation(travel(encode_operation(Operation("os.write", _Name("/a"), detail=b"x" * 99))))
    assert (None, str) == (found.detail, type(found.path))


def _native(number, supervisor, *names):
    error = OSError(number, "text", *names)
    add_winerror(error, supervisor)
    return error


ERRORS = {
    "windows": windows_error(32, "a", "b"),
    "windows without a file": windows_error(5),
    "bytes": windows_error(145, b"a\xff"),
    "native": OSError(28, "No space left on device", "a"),
    "native of two files": plain_error(18, "text", "a", "b"),
    "native with winerror": _native(2, "winerror", "a"),
    "native with winerror None": _native(2, "errno", "a"),
    "without a number": OSError("just text"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_arrives_as_it_was(name):
    """Its class, its codes, its text and its file names."""
    error = ERRORS[name]
    found = decode_failure(travel(encode_failure(error)))

    def seen(one):
        return (
            type(one).__name__, one.errno, one.strerror, getattr(one, "winerror", "no"), one.filename, one.filename2, str(one),
        )  # fmt: skip

    assert seen(error) == seen(found)


@pytest.mark.parametrize("ending", [SimulatedCrash("os.remove a"), RetryStorm("no progress")])
def test_an_ending_arrives_as_it_was(ending):
    """What ends a session ends it in every process."""
    found = decode_failure(travel(encode_failure(ending)))
    assert (type(ending), str(ending)) == (type(found), str(found))


def test_a_class_of_somebody_elses_becomes_the_builtin():
    """The parent imports nothing for it."""

    class OwnError(PermissionError):
        pass

    found = decode_failure(travel(encode_failure(OwnError(13, "text", "a"))))
    assert (PermissionError, 13, "a") == (type(found), found.errno, found.filename)
