"""What the twelve share: a test for both versions of an installer, and a way to write a tree."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Body = Callable[..., object]


def twins(name: str, buggy: Body, fixed: Body, bug: str) -> pytest.MarkDecorator:
    """Run a test with the version that has the bug, which it must fail, and with the one that has not."""
    mark = pytest.mark.xfail(raises=AssertionError, strict=True, reason=f"the bug: {bug}")
    versions = [pytest.param(buggy, marks=mark, id="buggy"), pytest.param(fixed, id="fixed")]
    return pytest.mark.parametrize(name, versions)


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files, with the directories that they need."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
