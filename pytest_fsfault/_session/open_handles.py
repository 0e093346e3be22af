"""What this process has open, as the operating system tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.roots import within
from pytest_fsfault._host.descriptors import open_descriptors, path_of_descriptor
from pytest_fsfault._intercept.children.rendezvous import is_ours
from pytest_fsfault._intercept.fake.fake_functions import native_of
from pytest_fsfault._intercept.fake.filesystem import in_force

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem


def _below_in_fake(fake: FakeFileSystem, roots: Sequence[str]) -> frozenset[tuple[int, str]]:
    found = ((one.descriptor, one.path) for one in native_of(fake).open_files())
    return frozenset((number, path) for number, path in found if path and within(path, roots))


def below(roots: Sequence[str]) -> frozenset[tuple[int, str]]:
    """Return the open descriptors of files below `roots`, each with its path; none where the system does not list them."""
    fake = in_force()
    if fake is not None:
        return _below_in_fake(fake, roots)
    opened = ((number, path_of_descriptor(number)) for number in open_descriptors())
    return frozenset(
        (number, path)
        for number, path in opened
        if path is not None and within(path, roots) and not is_ours(path)
    )
