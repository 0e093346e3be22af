"""What the column Detail says."""

from __future__ import annotations

import pytest

from pytest_fsfault._commands.procmon.calls import call_of
from pytest_fsfault._commands.procmon.details import access_of, fields, share_of
from pytest_fsfault._commands.procmon.rows import Row
from pytest_fsfault._windows.sharing import letters

OPENED = (
    "Desired Access: Read Data/List Directory, Delete, Synchronize, Disposition: Open, Options: Synchronous IO "
    "Non-Alert, Non-Directory File, Attributes: n/a, ShareMode: Read, Write, Delete, AllocationSize: n/a, "
    "OpenResult: Opened"
)


def test_values_hold_commas():
    """A value ends where the next field begins."""
    assert {
        "Desired Access": "Read Data/List Directory, Delete, Synchronize",
        "Disposition": "Open",
        "Options": "Synchronous IO Non-Alert, Non-Directory File",
        "Attributes": "n/a",
        "ShareMode": "Read, Write, Delete",
        "AllocationSize": "n/a",
        "OpenResult": "Opened",
    } == fields(OPENED)


@pytest.mark.parametrize(
    ("detail", "name"),
    [
        (r"ReplaceIfExists: True, FileName: C:\a, Delete: True\b.txt", r"C:\a, Delete: True\b.txt"),
        (r"Flags: FILE_RENAME_REPLACE_IF_EXISTS, FILE_RENAME_POSIX_SEMANTICS, FileName: C:\x", r"C:\x"),
    ],
)
def test_a_file_name_is_the_rest(detail, name):
    """Whatever a name is made of, it is one field."""
    found = fields(detail)
    assert name == found["FileName"]
    assert {"ReplaceIfExists", "Flags"} & set(found)
    assert "Delete" not in found


@pytest.mark.parametrize(
    ("text", "access"),
    [
        ("Generic Read", "r"),
        ("Generic Read/Write/Execute", "rw"),
        ("Generic Write, Read Attributes", "w"),
        ("Generic Execute", "r"),
        ("Read Data/List Directory, Synchronize", "r"),
        ("Execute/Traverse", "r"),
        ("Write Data/Add File, Append Data/Add Subdirectory/Create Pipe Instance", "w"),
        ("Read Attributes, Delete, Synchronize", "d"),
        ("Delete Child", ""),
        ("All Access", "rwd"),
        ("Maximum Allowed", "rwd"),
        ("Read Attributes, Read Control, Write DAC", ""),
        ("", ""),
    ],
)
def test_access(text, access):
    """Access as the sharing rules count it."""
    assert access == letters(access_of(text))


@pytest.mark.parametrize(
    ("text", "share"), [("None", ""), ("Read", "r"), ("Read, Write, Delete", "rwd"), ("", "")]
)
def test_share(text, share):
    """Share modes in letters."""
    assert share == letters(share_of(text))


OPENING = (
    "Desired Access: {}, Disposition: {}, Options: {}, Attributes: n/a, ShareMode: Read, AllocationSize: n/a"
)


@pytest.mark.parametrize(
    ("operation", "detail", "directory", "call"),
    [
        ("SetRenameInformationFile", r"ReplaceIfExists: True, FileName: C:\x", None, "os.replace"),
        ("SetRenameInformationFile", r"ReplaceIfExists: False, FileName: C:\x", None, "os.rename"),
        (
            "SetRenameInformationEx",
            r"Flags: FILE_RENAME_REPLACE_IF_EXISTS, FileName: C:\x",
            None,
            "os.replace",
        ),
        ("SetDispositionInformationFile", "Delete: True", None, "os.remove"),
        ("SetDispositionInformationEx", "Flags: FILE_DISPOSITION_DELETE", True, "os.rmdir"),
        (
            "CreateFile",
            OPENING.format("Delete", "Open", "Non-Directory File, Delete On Close"),
            None,
            "os.remove",
        ),
        ("CreateFile", OPENING.format("Delete", "Open", "Directory, Open Reparse Point"), None, "os.rmdir"),
        (
            "CreateFile",
            OPENING.format("Delete, Synchronize", "Open", "Open Reparse Point"),
            True,
            "os.rename",
        ),
        ("CreateFile", OPENING.format("Read Data/List Directory", "Create", "Directory"), None, "os.mkdir"),
        ("CreateFile", OPENING.format("Read Data/List Directory", "Open", "Directory"), None, "os.listdir"),
        ("CreateFile", OPENING.format("Generic Read", "Open", "Non-Directory File"), None, "open:r"),
        ("CreateFile", OPENING.format("Generic Write", "OverwriteIf", "Non-Directory File"), None, "open:w"),
        ("CreateFile", OPENING.format("Generic Read/Write", "Open", "Non-Directory File"), None, "open:r+"),
        ("CreateFile", OPENING.format("Read Attributes", "Open", "Open Reparse Point"), None, "os.stat"),
        ("CreateFile", OPENING.format("Write Attributes", "Open", "Open Reparse Point"), None, "os.utime"),
        ("SetEndOfFileInformationFile", "EndOfFile: 0", None, "os.truncate"),
        ("WriteFile", "Offset: 0, Length: 5", None, "file.write"),
        ("Process Create", "PID: 1", None, "subprocess.Popen"),
        ("QuerySecurityFile", "Information: Owner", None, ""),
    ],
)
def test_the_call_of_python(operation, detail, directory, call):
    """Which call ends in an operation of the log."""
    assert call == call_of(Row("", "", "", operation, "", "", detail), directory)
