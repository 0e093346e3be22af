"""inject, the context manager that needs no pytest: a session for the body of a block."""

from __future__ import annotations

import atexit
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._intercept.fake.isolation import prepare
from pytest_fsfault._session.ambient import Ambient
from pytest_fsfault._session.current_settings import current
from pytest_fsfault._session.fsfault import FsFault
from pytest_fsfault._session.options import checked_options
from pytest_fsfault._session.profiles import lookup
from pytest_fsfault._session.session import Session

if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn, Unpack

    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._session.keywords import Keywords

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_ALONE = Ambient()
_FORGOTTEN = "inject() injects nothing by itself; write `with inject(...) as fsfault:` around what is to meet the faults"
_LEFT_OPEN = (
    "inject() was entered and is gone, its end never came: its faults are off and nothing was verified; "
    "write `with inject(...) as fsfault:`"
)


class _Unended:
    """End a session that was never ended, and say so: nothing was verified.

    An exception that a signal handler raises at the very edge of the block comes before any code of ours. The
    finaliser is taken away from a session that has ended: an exception that comes within one is lost.
    """

    __slots__ = ("_made_at", "_session")
    _is_finalizing = staticmethod(sys.is_finalizing)

    def __init__(self, session: Session, made_at: tuple[str, int]) -> None:
        self._session = session
        self._made_at = made_at

    def __del__(self) -> None:
        if self._is_finalizing():
            return  # `atexit` has ended it, and the functions that this needs may be gone
        with suppress(Exception):
            self._session.stop()
        atexit.unregister(self._session.stop)  # which would keep the session
        _warn(_LEFT_OPEN, self._made_at)


class _Ended:
    """What is left of it."""

    __slots__ = ("_made_at", "_session")


def _warn(sentence: str, made_at: tuple[str, int]) -> None:
    if not sys.is_finalizing():
        warnings.warn_explicit(sentence, RuntimeWarning, *made_at)


class inject:  # noqa: N801  # used as a verb: `with inject(...) as fsfault:`
    """Inject faults into the body of a ``with`` block; restore everything at its end, then verify.

    Args:
        rules: texts or `Rule` objects, in order of precedence.
        keywords: None, or left out, means: as around it.

            - `profile`: a profile whose rules are added; these need not fire.
            - `windows`: switches the Windows model on, in a version such as ``"11"``, or in a mapping of
              ``"version"`` and options.
            - `roots`: the watched directories. By default pytest's base temporary directory, or, outside pytest,
              the system's directory for temporary files.
            - `clock`: ``"virtual"`` (the default) or ``"real"``.
            - `seed`: for rules with ``P%``; 0 unless given.
            - `strict`: True, False (a rule need not fire) or ``"all"`` (an escape or an open handle fails as well).
            - `children`: whether child processes are under the same faults; they are by default.
            - `native`: whether programs are, too, that are not Python, on Linux; they are by default, and with True
              the test fails where that is impossible.
            - `outside`: what becomes of a change outside the roots: ``"allow"`` (the default) or ``"refuse"``.

    Raises:
        FsFaultError: for a mistake in the arguments, before anything is changed.
        AssertionError: at the end of the block, for a rule that never fired.

    Warns:
        RuntimeWarning: of an `inject()` that was never entered, or whose end never came.

    """

    __module__ = "pytest_fsfault"
    _is_finalizing = staticmethod(sys.is_finalizing)
    _unused: tuple[str, int] | None = None  # where it was called, until it is entered

    def __init__(self, *rules: str | Rule, **keywords: Unpack[Keywords]) -> None:
        prepare()
        self._options = checked_options("inject()", rules, keywords)
        settings = current()
        self._ambient = settings().bare if settings else _ALONE
        lookup(self._options.profile or "off", self._ambient.profiles)
        self._session: Session | None = None
        self._guard: _Unended | None = None
        caller = sys._getframe(1)
        self._made_at = self._unused = caller.f_code.co_filename, caller.f_lineno

    def __del__(self) -> None:
        """Warn where a block was forgotten: without one nothing is injected."""
        if self._unused is not None:
            _warn(_FORGOTTEN, self._unused)

    def __enter__(self) -> FsFault:
        self._unused = None
        if self._session is not None:
            raise FsFaultError("this inject() is in use already; call inject() again for another block")
        try:
            session = self._session = Session(self._options, self._ambient)
            self._guard = _Unended(session, self._made_at)
            atexit.register(session.stop)  # of a block that nothing ends, such as that of a waiting generator
            session.start()
            session.open()
            return FsFault(session)
        except BaseException:
            self._end()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session = self._session
        if self._is_finalizing():
            return  # as in `_Unended`
        try:
            if session is not None and error is not None:
                session.explain(error)
            self._end()
        except BaseException:
            self._end()  # a signal handler may have cut it off
            raise
        if session is not None and error is None:
            session.verify()

    def __getattr__(self, name: str) -> NoReturn:
        """Say what has the attributes that a user looks for here: what the block gives."""
        hint = "; write `with inject(...) as fsfault:` and ask fsfault" if hasattr(FsFault, name) else ""
        if hint:
            self._unused = None  # this says it
        raise AttributeError(f"inject() has no attribute {name!r}{hint}")

    def __call__(self, *_args: object, **_keywords: object) -> NoReturn:
        """Refuse to be a decorator."""
        self._unused = None
        raise FsFaultError(
            "inject() is not a decorator; write `with inject(...):` in the function, or mark a test by @pytest.mark.fsfault(...)"
        )

    async def __aenter__(self) -> NoReturn:
        """Refuse ``async with``."""
        self._unused = None
        raise FsFaultError(
            "inject() takes no `async with`; write `with inject(...) as fsfault:`, which may have awaits in it"
        )

    async def __aexit__(self, *_error: object) -> None:
        """Stand here so that `__aenter__` is asked."""

    def _end(self) -> None:
        if self._session is not None:
            self._session.stop()
            atexit.unregister(self._session.stop)
            if self._guard is not None:
                self._guard.__class__ = _Ended  # type: ignore[assignment]  # of the same layout
            self._session = self._guard = None
