"""The quick tests of the parent's rules, and its Windows model, as a child sees them."""

from __future__ import annotations

import re
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.engine.listings import LISTINGS, Entries
from pytest_fsfault._core.engine.status import windows_status
from pytest_fsfault._core.language.operations import GROUPS, Temporary
from pytest_fsfault._host import temporary_files, tree_removal
from pytest_fsfault._intercept.calls.state import STATUSES
from pytest_fsfault._intercept.children.protocol import (
    Malformed,
    decode_failure,
    encode_failure,
    encode_operation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_fsfault._core.engine.interfaces import Answer, FastPath
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.children.protocol import Message

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_SPACES = {"shutil": vars(shutil), "rmtree": vars(shutil.rmtree)}


class RemoteRules:
    """The quick tests of the parent's rules, and of its model."""

    def __init__(self, tests: Mapping[str, Sequence[Any]] | None = None, *, speaks: bool = False) -> None:
        self._tests = tests or {}
        self.speaks_windows = speaks
        self._compiled: dict[str, tuple[Callable[[str], object] | None, ...]] = {}
        self.names = frozenset(name for name, ends in self._tests.items() if any(ends))

    def concerns(self, operation: Operation) -> bool:
        """Return whether any rule may mean a call; never a wrong no."""
        name = operation.name
        tests = self._compiled.get(name)
        if tests is None:
            tests = self._compiled[name] = (
                self.superset(name, (), target=False), self.superset(name, (), target=True),
            )  # fmt: skip
        of_path, of_target = tests
        if operation.doubtful:
            return any(other in self.names for other in GROUPS["rename"])
        return bool(
            (of_path is not None and of_path(operation.path))
            or (of_target is not None and operation.target is not None and of_target(operation.target))
        )

    def superset(self, name: str, roots: Sequence[str], *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test that fails only on paths (or targets) of `name` that no rule means."""
        del roots
        tests = self._tests.get(name, ())
        found = tests[target] if len(tests) > target else None
        if not found:
            return None
        if found is True:
            return _always
        made = [getattr(re.compile(pattern, flags), method) for method, pattern, flags in found]
        return made[0] if len(made) == 1 else partial(_any_of, made)


def _any_of(tests: Sequence[Callable[[str], object]], path: str) -> bool:
    for test in tests:  # noqa: SIM110  # no generator: an exception while one is closed would be lost
        if test(path):
            return True
    return False


def _always(_path: str) -> bool:
    return True


class Asking(Protocol):
    """The sessions of the parent, as its model is asked through them."""

    plan: RemoteRules

    def ask(self, *message: Any) -> Message:
        """Return the parent's answer."""
        ...


def result_of(answer: Message) -> Any:
    """Return what a call of the parent's has returned, None if there is no answer; raise what it has raised."""
    __tracebackhide__ = True
    if answer[0] != "failed":
        return answer[1] if len(answer) > 1 else None
    try:
        error = decode_failure(answer[1])
    except Malformed:
        error = None
    if error is not None:
        raise error
    return None


class RemoteModel:
    """The Windows model of the parent."""

    def __init__(self, sessions: Asking, patches: Message) -> None:
        self._sessions = sessions
        self._patches = patches

    def concerns(self, name: str, *, target: bool) -> None:
        """Return None: the quick tests of `RemoteRules` are those of rules and model."""

    def fast_paths(self) -> Mapping[str, FastPath]:
        """Return nothing: only the parent knows who has what open."""
        return {}

    def done(self, operation: Operation, answer: Answer, result: Any) -> Any:
        """Tell the parent that an operation has succeeded; return what the caller gets."""
        number, tells = answer.about
        if isinstance(operation.detail, Temporary):
            temporary_files.OPENED.add(operation.path)
        if operation.name in STATUSES:
            return windows_status(result, answer.path)
        if operation.name in LISTINGS:
            return self._listed(number, result)
        if tells:
            self._sessions.ask("performed", number, None)
        return result

    def _listed(self, number: int, result: Any) -> Any:
        if isinstance(result, list):
            return result_of(self._sessions.ask("performed", number, result)) or result
        listing = Entries(result)
        entries = {entry.name: entry for entry in listing}
        names = result_of(self._sessions.ask("performed", number, list(entries))) or list(entries)
        listing.take([entries[name] for name in names])
        return listing

    def passed(self, operation: Operation, answer: Answer) -> None:
        """Tell the parent that an operation goes ahead whose result is not seen."""
        del operation
        number, tells = answer.about
        if tells:
            self._sessions.ask("performed", number, None)

    def spelled(self, operation: Operation) -> Operation:
        """Return the operation as it is: the parent looks its paths up."""
        return operation

    def translated(self, operation: Operation, error: OSError) -> OSError:
        """Return the error that Windows gives where this system gave `error`."""
        answer = self._sessions.ask("translate", encode_operation(operation), encode_failure(error))
        try:
            found = decode_failure(answer[1]) if answer[0] == "failed" else None
        except Malformed:
            found = None
        return found if isinstance(found, OSError) else error

    def view(self) -> Callable[[Any, object], Any]:
        """Return what shows the status of a file as Windows does, by what this system knows of it."""
        return windows_status

    def mapped(self) -> None:
        """Do nothing: the parent looks at what its children have mapped whenever it matters."""

    def forked(self) -> None:
        """Do nothing: the parent looks at all that has been started."""

    def patches(self) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """Yield what makes `shutil` work as on Windows."""
        for space, name, value in self._patches:
            yield _SPACES[space], name, value
        if self._patches:  # none on Windows
            yield from tree_removal.patches()
        yield from temporary_files.patches()

    def wants_closes(self) -> bool:
        """Return whether a hold or a scanner waits for files to be closed."""
        return self._sessions.plan.superset("file.close", (), target=False) is not None
