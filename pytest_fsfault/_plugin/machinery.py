"""Tell the plugins that run the tests from one that is under test."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# A spy of pytest-mock passes on a call of the test's; this package sorts its own frames.
_NOT_MACHINERY = frozenset({"pytest_fsfault.plugin", "pytest_mock"})
_INSTALLED = ("site-packages", "dist-packages")


def sort_plugins(plugins: Iterable[tuple[Any, Any]], root: str) -> tuple[set[str], set[str]]:
    """Return the modules of the plugins that are machinery, and of those that are code of the project at `root`.

    `plugins` are pairs, each with its distribution. A project that is a plugin of pytest itself has its own code under
    test: it meets faults, and lives by virtual time.
    """
    project = _Project(root)
    sorted_in: tuple[set[str], set[str]] = set(), set()
    for plugin, distribution in plugins:
        name = getattr(plugin, "__name__", type(plugin).__module__)
        if name not in _NOT_MACHINERY:
            sorted_in[project.owns(plugin, distribution)].add(name)
    return sorted_in


class _Project:
    def __init__(self, root: str) -> None:
        self._root = _within(root)
        self._made: dict[int, bool] = {}  # by the distribution: one may have several plugins

    def owns(self, plugin: Any, distribution: Any) -> bool:
        """Return whether a plugin stands in the project, or was installed from there."""
        file = str(getattr(plugin, "__file__", None) or "")
        installed = not file or any(f"{os.sep}{folder}{os.sep}" in file for folder in _INSTALLED)
        if not installed and _within(file).startswith(self._root):
            return True
        key = id(distribution)
        if key not in self._made:
            self._made[key] = False
            with suppress(Exception):  # what an installer has written, or not
                noted = distribution.read_text("direct_url.json")
                self._made[key] = bool(noted) and self._is_origin(noted, distribution)
        return self._made[key]

    def _is_origin(self, noted: str, distribution: Any) -> bool:
        """Return whether a distribution was made of this project, as its installer has noted (PEP 610)."""
        from json import loads  # noqa: PLC0415  # rarely needed, as are the next two
        from urllib.parse import urlsplit  # noqa: PLC0415
        from urllib.request import url2pathname  # noqa: PLC0415

        origin = loads(noted)
        address = urlsplit(origin["url"])
        if address.scheme != "file":
            return False
        source = _within(url2pathname(address.path))
        if "dir_info" in origin:
            return source.startswith(self._root) or self._root.startswith(source)
        # An archive: the project's, as tox makes one, or of something else that is kept there.
        return source.startswith(self._root) and _plain(distribution.metadata["Name"]) == self._name()

    def _name(self) -> str:
        from tomllib import load  # noqa: PLC0415

        with open(self._root + "pyproject.toml", "rb") as file:
            return _plain(load(file)["project"]["name"])


def _within(path: str) -> str:
    """Return a path so that what lies below it begins with it."""
    return os.path.normcase(os.path.realpath(path)).rstrip(os.sep) + os.sep


def _plain(name: str) -> str:
    """Return the name of a distribution as installers compare it."""
    return name.lower().replace("_", "-").replace(".", "-")
