"""Ordinary tests: no marker, no fixture. The profile of the command line acts on all of them."""

import pytest

from .installer import install, installed, uninstall

OLD = {f"module{number}.py": "old" for number in range(20)}
NEW = {f"module{number}.py": "new" for number in range(10, 30)}


@pytest.fixture
def package(tmp_path):
    return tmp_path / "demo"


def test_install(package):
    """What was asked for is there."""
    install(OLD, package)
    assert installed(package) == OLD


def test_upgrade(package):
    """The new version is there, and nothing of the old one."""
    install(OLD, package)
    install(NEW, package)
    assert installed(package) == NEW


def test_uninstall(package):
    """Nothing is left, not even what was set aside."""
    install(OLD, package)
    uninstall(package)
    assert list(package.parent.iterdir()) == []
