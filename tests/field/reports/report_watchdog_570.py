"""A directory that is observed is removed and made anew (gorakhargosh/watchdog#570)."""

import os

import pytest
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer


@pytest.mark.fsfault
def test_make_anew(tmp_path, fsfault):
    fsfault.windows("server-2019")
    (tmp_path / "seen").mkdir()
    observer = Observer()
    observer.schedule(FileSystemEventHandler(), str(tmp_path / "seen"))
    observer.start()
    try:
        os.rmdir(tmp_path / "seen")
        os.mkdir(tmp_path / "seen")
    finally:
        observer.stop()
