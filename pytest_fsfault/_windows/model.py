"""The Windows model as the engine sees it: one judge for each operation, and what follows from success."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.engine.status import entry_status
from pytest_fsfault._core.language.errors import build, parse_error, speaks_windows, winerror_of
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS
from pytest_fsfault._core.locks import known_lock
from pytest_fsfault._host import temporary_files, tree_removal
from pytest_fsfault._windows import effects, names
from pytest_fsfault._windows.fast_path import FastPaths
from pytest_fsfault._windows.host_errors import windows_code
from pytest_fsfault._windows.judges import deleting, directories, mappings, metadata, opening, renaming
from pytest_fsfault._windows.platform.modes import STAT, supported
from pytest_fsfault._windows.spelling import spelled_otherwise
from pytest_fsfault._windows.state import Denial, HostError, WindowsState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.reactions import Reactions

_JUDGES: dict[str, Callable[[WindowsState, Operation], Answer]] = {
    "open": opening.judge_open,
    "os.open": opening.judge_open,
    "os.truncate": opening.judge_truncate,
    "file.truncate": opening.judge_file_truncate,
    "os.close": opening.judge_close,
    "file.close": opening.judge_close,
    "os.fsync": opening.judge_fsync,
    "mmap.mmap": mappings.judge_mmap,
    "subprocess.Popen": opening.judge_program,
    "os.remove": deleting.judge_remove,
    "os.rmdir": deleting.judge_rmdir,
    "os.rename": renaming.judge_rename,
    "os.replace": renaming.judge_rename,
    "os.mkdir": directories.judge_mkdir,
    "os.listdir": directories.judge_listing,
    "os.scandir": directories.judge_listing,
    "os.chdir": directories.judge_chdir,
    "os.stat": metadata.judge_stat,
    "os.lstat": metadata.judge_stat,
    "os.access": metadata.judge_access,
    "os.chmod": metadata.judge_chmod,
    "os.utime": metadata.judge_attributes,
    "os.readlink": metadata.judge_attributes,
    "os.link": metadata.judge_link,
    "os.symlink": metadata.judge_symlink,
}
# What the host would do otherwise even where nothing is held: these are always asked about. Deletions,
# renames and `open` have a fast path.
_ALWAYS = frozenset(
    [
        "os.truncate", "os.listdir", "os.scandir", "os.chdir", "os.access", "os.chmod", "os.link", "os.symlink", "file.truncate",
        "os.fsync", "mmap.mmap", "subprocess.Popen",
    ]
)  # fmt: skip


_LISTINGS = frozenset(["os.listdir", "os.scandir"])
_STATUSES = frozenset(["os.stat", "os.lstat"])


class WindowsModel:
    """Judge operations by what the state says, and keep the state up to date."""

    def __init__(
        self, state: WindowsState, reactions: Reactions, winapi: object, mapping: Callable[[], type]
    ) -> None:
        self.state = state
        self.states = [state]
        self.reactions = reactions
        # What stands for `_winapi` in `shutil`; what returns what stands for `mmap.mmap` from then on.
        self._winapi, self._mapping = winapi, mapping
        self._lock = known_lock()
        self._fast_paths = FastPaths(state)
        self._paths = self._fast_paths.by_operation()
        self._unseen: list[tuple[Operation, Answer]] = []

    def move(self, state: WindowsState) -> None:
        """Go on with another state: the code under test has another file system now.

        Who waits for a file that is yet to be written, waits for it there.
        """
        if state is self.state:
            return
        with self._lock:
            self._unseen.clear()
            state.holds.take_over(self.state.holds)
            if state not in self.states:
                self.states.append(state)
            self.state = self.reactions.state = state
            self._fast_paths = FastPaths(state)
            self._paths = self._fast_paths.by_operation()

    # The quick questions.

    def concerns(self, name: str, *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test whether `name` needs an answer on a path; never a wrong no."""
        if target:
            return names.ODD.search if name in GROUPS["rename"] else None
        if name in {"os.close", "file.close"}:
            return _yes if self.wants_closes() else None
        if name not in _JUDGES:
            return None
        return _yes if name in _ALWAYS or self._worried(name) else names.ODD.search

    def _worried(self, name: str) -> bool:
        """Return whether a plain name may be refused as well."""
        state = self.state
        held = bool(state.holds or state.temporaries or state.streams)
        return bool(state.pending) or not state.version.long_paths or (name == "open" and held)

    def mapped(self) -> None:
        """Record that a file may have been mapped into memory."""
        self._fast_paths.look_again()
        self.state.open_files.note_mapping()

    def forked(self) -> None:
        """Record that a child may have been started, which changes files unseen."""
        self._fast_paths.look_again()
        self.state.lookup.begin_epoch(watchful=True)

    def patches(self) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """Yield what makes `shutil` work as on Windows: by path, without attributes of other systems."""
        if self.state.on_windows:
            return
        for rmtree in (shutil.rmtree, getattr(shutil.rmtree, "__func__", None)):
            if rmtree is not None:
                yield vars(rmtree), "avoids_symlink_attacks", False
        yield shutil.__dict__, "_use_fd_functions", False
        yield from tree_removal.patches()
        yield shutil.__dict__, "_copyxattr", _copy_nothing
        yield shutil.__dict__, "_winapi", self._winapi
        yield from temporary_files.patches()
        yield shutil.__dict__, "stat", STAT
        yield mmap.__dict__, "mmap", self._mapping()
        yield tempfile.__dict__, "TemporaryFile", tempfile.NamedTemporaryFile  # CPython Lib/tempfile.py
        for name, functions in supported().items():
            yield os.__dict__, name, functions

    def view(self) -> Callable[[Any, object], Any] | None:
        """Return what shows the status of a file as Windows does; None where it needs no change."""
        return None if self.state.on_windows or self.state.is_fake else self.state.attributes.show

    def fast_paths(self) -> Mapping[str, FastPath]:
        """Return by operation what lets its plain calls pass without a judgement; those of others all pass."""
        return self._fast_paths.now(self._paths)

    def written(self, path: str) -> None:
        """Record that a file was written and closed."""
        self.reactions.on_written(path)

    def wants_closes(self) -> bool:
        """Return whether a hold or a scanner waits for files to be written and closed."""
        return bool(self.reactions.scanners or self.state.holds.waiting or self.state.temporaries)

    # The long ones.

    def spelled(self, operation: Operation) -> Operation:
        """Return the operation on the paths as the disk spells them: one file is one path to rules and journal."""
        self._fast_paths.look_again()  # a call that a rule may concern, after which the code under test goes on
        if self.state.on_windows or operation.name not in _JUDGES:
            return operation
        path, target = operation.path, operation.target
        with self._lock:
            if operation.name != "os.symlink":  # what a link leads to is not looked up
                path = self._spelled(path, operation.shown)
            if target is not None:
                found = self._spelled(target, operation.shown_target)
                # A rename that changes the case alone gives the file the name that the caller writes.
                keeps = operation.name in GROUPS["rename"] and found == path
                target = f"{found.rpartition('/')[0]}/{target.rpartition('/')[2]}" if keeps else found
        if path == operation.path and target == operation.target:
            return operation
        return operation._replace(path=path, target=target)

    def _spelled(self, path: str, shown: object) -> str:
        name = names.read(path, shown, self.state.version)
        if name.problem or name.device or name.stream:
            return path
        return self.state.lookup.find(name.path).path

    def judge(self, operation: Operation) -> Answer:
        """Say whether Windows allows the operation, and how it is done."""
        judge = _JUDGES.get(operation.name)
        if judge is None:
            return Answer(operation.path, operation.target)
        with self._lock:
            self._catch_up()
            try:
                if self.state.on_windows:
                    return self._judge_declared(judge, operation)
                return judge(self.state, operation)
            except Denial as refusal:
                return self._refused(operation, refusal)
            except OSError:
                # A file vanished while we looked: the host's own answer is as good.
                return Answer(operation.path, operation.target)

    def _refused(self, operation: Operation, refusal: Denial) -> Answer:
        reason = refusal.reason
        if isinstance(refusal, HostError):
            read = spelled_otherwise(self.state, operation, refusal)
            if not read:
                fail = partial(self._fail, operation, refusal.code)
                return Answer(operation.path, operation.target, perform=fail, fails=True)
            reason = f"{reason}; {read}"
        self._fast_paths.refused.add(operation.path)
        return Answer(operation.path, operation.target, refusal.code, reason, hold=refusal.hold)

    def _judge_declared(
        self, judge: Callable[[WindowsState, Operation], Answer], operation: Operation
    ) -> Answer:
        """Say what holds refuse; all else is left to the system, which is Windows itself."""
        about = None
        try:
            answer = judge(self.state, operation)
        except Denial as refusal:
            if refusal.declared:
                raise
        else:
            if answer.reason == "pending":
                return answer  # Windows knows of no hold, and would delete the file
            about = answer.about
        return Answer(operation.path, operation.target, about=about)

    def _catch_up(self) -> None:
        """Record what happened since the last look."""
        if self._unseen:
            unseen, self._unseen = self._unseen, []
            for operation, answer in unseen:
                self._take_in(operation, answer)
        if self.state.pending:
            deleting.finish_pending(self.state)
        if self.state.temporaries:
            deleting.finish_temporaries(self.state)

    def _take_in(self, operation: Operation, answer: Answer) -> None:
        """Find out whether an early-bound call has succeeded, by what it left."""
        if operation.name in GROUPS["rename"]:
            source, target = answer.about
            there = self.state.lookup.find(answer.target or "")
            if there.exists and there.identity == source.identity:
                effects.renamed(self.state, answer, source, target)
        elif operation.name in GROUPS["delete"] and not self.state.lookup.find(answer.path).exists:
            effects.deleted(self.state, answer)

    def passed(self, operation: Operation, answer: Answer) -> None:
        """Record that an operation goes ahead whose result stays unknown."""
        if "mutate" in operation.groups:
            self.state.lookup.begin_epoch()
        if answer.about is not None:
            with self._lock:
                self._unseen.append((operation, answer))

    def done(self, operation: Operation, answer: Answer, result: Any) -> Any:
        """Record that an operation has succeeded; return what the caller gets."""
        name = operation.name
        with self._lock:
            if name in _LISTINGS and not (isinstance(operation.shown, int) or self.state.on_windows):
                return directories.listed(self.state, answer, result, self.view(), operation.shown)
            if name in _STATUSES:
                show = self.view()
                found = result if show is None else show(result, answer.path)
                return entry_status(found) if answer.reason == "pending" else found
            self._follow(operation, answer)
        return result

    def _follow_making(self, name: str, answer: Answer) -> None:
        self.state.lookup.created(answer.target or answer.path)
        if name == "os.mkdir":
            effects.directory_made(self.state, answer.path)
        if name == "os.symlink" and answer.about is not None:
            effects.linked(self.state, *answer.about)

    def _follow_closing(self, answer: Answer) -> None:
        if self.state.temporaries:
            deleting.finish_temporaries(self.state)
        if answer.about:
            self.reactions.on_written(answer.path)

    def _follow(self, operation: Operation, answer: Answer) -> None:
        """Record what a change of the tree has brought about."""
        name, state = operation.name, self.state
        if name in GROUPS["delete"]:
            effects.deleted(state, answer)
        elif name in GROUPS["rename"] and answer.about is not None:
            effects.renamed(state, answer, *answer.about)
            self.reactions.on_written(answer.target or "")
        elif name in {"open", "os.open"}:
            if effects.opened(state, operation.path, answer):
                self.reactions.changed()
        elif name in {"os.close", "file.close"}:
            self._follow_closing(answer)
        elif name in {"os.mkdir", "os.link", "os.symlink"}:
            self._follow_making(name, answer)

    def translated(self, operation: Operation, error: OSError) -> OSError:
        """Return the error that Windows gives where the host gave `error`."""
        if self.state.on_windows or not isinstance(error.errno, int):
            return error
        if speaks_windows(error) or OPERATIONS[operation.name].composite:
            return error
        found = winerror_of(error)
        code = found if isinstance(found, int) else windows_code(self.state, operation, error)
        return self._error(operation, code)

    def _fail(self, operation: Operation, code: int) -> NoReturn:
        __tracebackhide__ = True
        raise self._error(operation, code)

    def _error(self, operation: Operation, code: int) -> OSError:
        kind = OPERATIONS[operation.name]
        shown = None if kind.names == "none" else operation.shown
        target = operation.shown_target if kind.names == "both" else None
        return build(parse_error(f"WinError {code}"), kind.family, shown, target)

    def reset(self) -> None:
        """Forget what was refused and what is yet to be looked at: the tree that it was about is gone."""
        with self._lock:
            self._unseen.clear()
            self._fast_paths.refused.clear()

    def finish(self) -> None:
        """Delete what waited for its last handle: the test is over, and with it everybody's handles."""
        with self._lock:
            for state in self.states:
                deleting.finish_pending(state, everything=True)
                deleting.finish_temporaries(state)
                state.temporaries.clear()  # what is still open is its owner's to delete
                state.streams.close()


def _copy_nothing(*_args: object, **_kwargs: object) -> None:
    """Copy no extended attributes: Windows' `shutil` knows none."""


def _yes(_path: str) -> bool:
    return True
