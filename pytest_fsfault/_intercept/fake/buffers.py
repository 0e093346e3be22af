"""What pyfakefs's open files have been given to write, and have not written yet."""

from __future__ import annotations

from typing import Any


def pending_of(file: Any) -> tuple[bytes, bytes] | None:
    """Return what the file has and what it would have after a flush, None if that is the same."""
    if not (file.allow_update and file._is_open()):
        return None
    if not file.open_modes.append:
        file._io.flush()
    there = file.file_object.byte_contents or b""
    written = file._io.getvalue()
    new = there + written[file._flush_pos :] if file.open_modes.append else written
    return None if new == there else (there, new)


def drop(file: Any) -> None:
    """Forget what was written and has not arrived."""
    if pending_of(file) is None:
        return
    content = file.file_object.byte_contents or b""
    file._io.seek(0)
    file._io.truncate()
    file._io.putvalue(content)
    file._io.seek(0, 2)
    file._flush_pos = len(content)
    file._file_epoch = file.file_object.epoch
