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
    os.rmdir(tmp_path / "seen")
    with pytest.raises(PermissionError) as refused:
        os.mkdir(tmp_path / "seen")
    assert refused.value.winerror == 5
    observer.stop()
