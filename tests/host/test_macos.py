"""What this package asks of macOS alone, with the answers that its manual pages document in the place of its own."""

import os
import sys

import pytest
from skips import posix_fact

from pytest_fsfault._host import descriptors
from pytest_fsfault._windows.open_files import descendants

pytestmark = posix_fact("fcntl(2) and /dev/fd")


@pytest.fixture
def macos(monkeypatch):
    """Let this system pass for macOS where its name is asked for."""
    monkeypatch.setattr(sys, "platform", "darwin")


def test_the_path_behind_a_descriptor_is_that_of_f_getpath(macos, monkeypatch):
    """fcntl(2) of macOS: F_GETPATH (50) fills a buffer of MAXPATHLEN with the path, which ends with a NUL."""
    import fcntl

    asked = []

    def documented(number, command, buffer):
        asked.append((number, command, len(buffer)))
        return b"/private/tmp/a file".ljust(len(buffer), b"\0")

    monkeypatch.setattr(fcntl, "fcntl", documented)
    assert "/private/tmp/a file" == descriptors.path_of_descriptor(7)
    assert [(7, 50, 1024)] == asked


def test_a_descriptor_without_a_path_has_none(macos, monkeypatch):
    """fcntl(2) of macOS: EBADF, or an error for what is no file, such as a pipe."""
    import fcntl

    def documented(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(fcntl, "fcntl", documented)
    assert None is descriptors.path_of_descriptor(7)


def test_open_descriptors_are_listed_in_dev_fd(macos, tmp_path):
    """fd(4) of macOS: /dev/fd has a file for each."""
    with open(tmp_path / "a", "w") as file:
        assert file.fileno() in descriptors.open_descriptors()
    assert file.closed


def test_what_is_mapped_are_the_images_of_the_loader(macos, monkeypatch):
    """dyld(3) lists programs and libraries; there is no /proc/self/maps."""
    monkeypatch.setattr(descendants, "loaded_images", lambda native: [native])
    assert ["native"] == descendants.own_maps("native")


def test_where_nobody_tells_nothing_is_told(monkeypatch):
    """Another Unix: no path, no list."""
    monkeypatch.setattr(sys, "platform", "sunos5")
    with open(os.devnull) as file:
        assert None is descriptors.path_of_descriptor(file.fileno())
    assert [] == descriptors.open_descriptors()
