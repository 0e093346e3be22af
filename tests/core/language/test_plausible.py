"""Which errors an operation can meet."""

import errno

import pytest

from pytest_fsfault._core.language.errors import TRANSIENT, parse_error
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS
from pytest_fsfault._core.language.plausible import PLAUSIBLE, is_plausible
from pytest_fsfault._core.language.winerrors import NAMES

PRIMITIVES = sorted(name for name, kind in OPERATIONS.items() if not kind.composite)
FULL = ("ERROR_DISK_FULL", "ENOSPC", "EDQUOT")
ROOMLESS = (
    "os.stat",
    "os.lstat",
    "os.access",
    "os.listdir",
    "os.scandir",
    "os.readlink",
    "os.chdir",
    "os.remove",
)


def test_every_operation_has_its_errors():
    """The table is total over the operations and names nothing else."""
    assert list(OPERATIONS) == list(PLAUSIBLE)
    assert [] == [name for name, found in PLAUSIBLE.items() if not found]


@pytest.mark.parametrize("operation", sorted(PLAUSIBLE))
def test_the_errors_of_an_operation_are_names_without_repetition(operation):
    """Each is a Windows name of the table or an errno name, and stands once."""
    found = PLAUSIBLE[operation]
    assert len(set(found)) == len(found)
    assert [] == [name for name in found if name not in NAMES and not hasattr(errno, name)]


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("os.rename", "ERROR_ACCESS_DENIED"),
        ("os.rename", "ERROR_ALREADY_EXISTS"),
        ("os.rename", "ENOMEM"),
        ("os.replace", "ERROR_LOCK_VIOLATION"),
        ("os.remove", "ERROR_SHARING_VIOLATION"),
        ("os.rmdir", "ERROR_DIR_NOT_EMPTY"),
        ("os.rmdir", "ERROR_DIRECTORY"),
        ("os.mkdir", "ERROR_FILENAME_EXCED_RANGE"),
        ("open", "ERROR_USER_MAPPED_FILE"),
        ("open", "ERROR_VIRUS_INFECTED"),
        ("os.scandir", "ERROR_SHARING_VIOLATION"),
        ("os.link", "ERROR_TOO_MANY_LINKS"),
        ("os.symlink", "ERROR_PRIVILEGE_NOT_HELD"),
        ("os.readlink", "ERROR_NOT_A_REPARSE_POINT"),
        ("os.chdir", "ERROR_SHARING_VIOLATION"),
        ("file.write", "ENOSPC"),
        ("file.truncate", "ERROR_USER_MAPPED_FILE"),
        ("subprocess.Popen", "ERROR_BAD_EXE_FORMAT"),
        ("shutil.copyfile", "ERROR_DISK_FULL"),
        ("shutil.rmtree", "ERROR_DIR_NOT_EMPTY"),
        ("os.stat", "ERROR_INVALID_NAME"),
    ],
)
def test_what_windows_or_posix_answers_is_plausible(operation, error):
    """The refusals that programs really meet can be tried."""
    assert is_plausible(operation, parse_error(error))


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        *((operation, error) for operation in ROOMLESS for error in FULL),
        # What Windows lets through although the file is locked, and what comes out under another code.
        ("os.stat", "ERROR_SHARING_VIOLATION"),
        ("os.chmod", "ERROR_SHARING_VIOLATION"),
        ("os.utime", "ERROR_SHARING_VIOLATION"),
        ("os.link", "ERROR_SHARING_VIOLATION"),
        ("os.mkdir", "ERROR_SHARING_VIOLATION"),
        ("os.replace", "ERROR_ALREADY_EXISTS"),
        ("os.rename", "ERROR_DIR_NOT_EMPTY"),
        ("os.remove", "ERROR_DIR_NOT_EMPTY"),
        ("os.rmdir", "ERROR_USER_MAPPED_FILE"),
        ("os.read", "ENOENT"),
        ("os.close", "ERROR_SHARING_VIOLATION"),
        ("os.sendfile", "ERROR_ACCESS_DENIED"),
        ("os.remove", "WinError 77"),
    ],
)
def test_what_no_system_answers_is_not_plausible(operation, error):
    """A sweep spares the trials that prove nothing."""
    assert not is_plausible(operation, parse_error(error))


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("ERROR_SHARING_VIOLATION", "WinError 32"),
        ("ERROR_DIR_NOT_EMPTY", "WinError 145"),
        ("EAGAIN", "EWOULDBLOCK"),
    ],
)
@pytest.mark.parametrize("operation", PRIMITIVES)
def test_errors_are_compared_by_meaning(operation, name, same):
    """A name and its number are one error, and so are two names of one errno number."""
    if getattr(errno, name, 0) == getattr(errno, same, 0):
        assert is_plausible(operation, parse_error(name)) == is_plausible(operation, parse_error(same))


@pytest.mark.parametrize(("alias", "operation"), [("os.unlink", "os.remove"), ("io.open", "open")])
def test_an_alias_meets_what_its_operation_meets(alias, operation):
    """Callers know some operations under two names."""
    assert is_plausible(alias, parse_error(PLAUSIBLE[operation][0]))


@pytest.mark.parametrize("operation", sorted(GROUPS["rename"] | GROUPS["delete"]))
@pytest.mark.parametrize(
    "error", ["ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION", "EACCES", "EBUSY", "ENOMEM"]
)
def test_renaming_and_deleting_meet_what_passes_by_itself(operation, error):
    """The calls that scanners refuse meet every transient error but those of their own kind."""
    assert error in TRANSIENT
    assert is_plausible(operation, parse_error(error))


@pytest.mark.parametrize("error", TRANSIENT)
def test_every_transient_error_can_happen_to_something(error):
    """No name in TRANSIENT is one that no primitive operation meets."""
    assert any(is_plausible(operation, parse_error(error)) for operation in PRIMITIVES)
