"""Which call of Python ends in an operation of a log, and so meets its refusal.

Sources: Wine `dlls/kernelbase/file.c` (MoveFileWithProgressW, DeleteFileW, RemoveDirectoryW, CreateDirectoryW: which
access and options they open with), dokan-dev/dokany#1082 (the same calls in a log of Process Monitor).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.details import access_of, fields
from pytest_fsfault._windows.sharing import DELETE, READ, WRITE

if TYPE_CHECKING:
    from pytest_fsfault._commands.procmon.rows import Row

# Operations that are one call of Python each, whatever their detail says.
_PLAIN = {
    "SetLinkInformationFile": "os.link",
    "SetEndOfFileInformationFile": "os.truncate",
    "SetAllocationInformationFile": "os.truncate",
    "SetBasicInformationFile": "os.utime",
    "QueryDirectory": "os.listdir",
    "WriteFile": "file.write",
    "ReadFile": "file.read",
    "Process Create": "subprocess.Popen",
}
#: Calls that change the tree: what a program is most likely to have failed by.
CHANGING = frozenset(
    {
        "os.replace",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.link",
        "os.truncate",
        "open:w",
        "open:r+",
    }
)


def call_of(row: Row, directory: bool | None) -> str:
    """Return the call, such as ``"os.replace"`` or ``"open:w"``; an empty text for what no call of Python does.

    `directory` says whether the path is known to be one.
    """
    detail = fields(row.detail)
    if row.operation.startswith("SetRename"):
        return _renaming(detail)
    if row.operation.startswith("SetDisposition"):
        return "os.rmdir" if directory else "os.remove"
    if row.operation == "CreateFile":
        return _opening(detail, directory)
    return _PLAIN.get(row.operation, "")


def _renaming(detail: dict[str, str]) -> str:
    replaces = detail.get("ReplaceIfExists") == "True" or "REPLACE_IF_EXISTS" in detail.get("Flags", "")
    return "os.replace" if replaces else "os.rename"


def _opening(detail: dict[str, str], directory: bool | None) -> str:
    options, disposition = detail.get("Options", "").split(", "), detail.get("Disposition", "")
    access = access_of(detail.get("Desired Access", ""))
    of_directory = "Directory" in options or (directory is True and "Non-Directory File" not in options)
    if disposition == "Create" and "Directory" in options:
        return "os.mkdir"
    if access & WRITE:
        return "open:r+" if disposition == "Open" else "open:w"
    if access & DELETE:
        return _deleting(options, of_directory=of_directory)
    return _looking(detail, access, of_directory=of_directory)


def _looking(detail: dict[str, str], access: int, *, of_directory: bool) -> str:
    if access & READ:
        return "os.listdir" if of_directory else "open:r"
    return "os.utime" if "Write Attributes" in detail.get("Desired Access", "") else "os.stat"


def _deleting(options: list[str], *, of_directory: bool) -> str:
    # A file is opened for renaming without a word on what it has to be, for removing with one.
    if "Non-Directory File" in options:
        return "os.remove"
    return "os.rmdir" if "Directory" in options and of_directory else "os.rename"
