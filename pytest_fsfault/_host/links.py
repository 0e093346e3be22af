"""Links of two kinds: symbolic ones, and the junctions of Windows, which `S_ISLNK` takes for directories."""

from __future__ import annotations

from stat import S_ISLNK
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

# IO_REPARSE_TAG_MOUNT_POINT, https://learn.microsoft.com/windows/win32/fileio/reparse-point-tags; `stat` has it on
# Windows alone.
_MOUNT_POINT = 0xA0000003
_DIRECTORY = 0x10  # FILE_ATTRIBUTE_DIRECTORY


def is_junction(status: os.stat_result) -> bool:
    """Return whether what `lstat` has seen is a junction, or a directory on which a volume is mounted."""
    return getattr(status, "st_reparse_tag", 0) == _MOUNT_POINT


def is_link(status: os.stat_result) -> bool:
    """Return whether what `lstat` has seen leads elsewhere: what is behind it does not stand there."""
    return S_ISLNK(status.st_mode) or is_junction(status)


def leads_to_directory(status: os.stat_result) -> bool:
    """Return whether a link was made for a directory, which Windows wants to know when it makes one."""
    return bool(getattr(status, "st_file_attributes", 0) & _DIRECTORY)
