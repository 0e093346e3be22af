"""Which Windows is emulated: a version, and the options of the model, as a user names them."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rows import Row

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_DEFAULT = "11"


class WindowsChoice(Row):
    """A version of Windows by its name, and what differs from a fresh installation of it."""

    version: str = _DEFAULT
    options: tuple[tuple[str, bool], ...] = ()


def read_windows(value: object, inherited: WindowsChoice | None = None) -> WindowsChoice:
    """Return what ``"11"`` or ``{"version": "11", "developer_mode": True}`` says; raise FsFaultError for a mistake.

    A mapping changes what is `inherited`, option by option; a bare version replaces it.
    """
    from pytest_fsfault._windows.versions import version  # noqa: PLC0415  # for who asks for it

    if not isinstance(value, Mapping):
        return WindowsChoice(version(value, {}).name)  # type: ignore[arg-type]  # which checks it
    if not value:
        raise FsFaultError(
            "windows={} names nothing; write windows='11', or a mapping with version and options"
        )
    before = inherited or WindowsChoice()
    given = dict(value)
    name = given.pop("version", before.version)
    options = {**dict(before.options), **given}
    return WindowsChoice(version(name, options).name, tuple(options.items()))
