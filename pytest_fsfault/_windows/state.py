"""What the model knows at one moment: files, attributes, who has what open."""

from __future__ import annotations

import errno
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_fsfault._windows import names, reasons, streams
from pytest_fsfault._windows.attributes import Attributes
from pytest_fsfault._windows.holders.holds import Holds
from pytest_fsfault._windows.lookup import Location, Lookup
from pytest_fsfault._windows.roots import Roots
from pytest_fsfault._windows.sharing import ALL, DELETE, READ, WRITE, Opening, conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.holders.holds import Hold
    from pytest_fsfault._windows.open_files.fake import FakeOpenFiles
    from pytest_fsfault._windows.open_files.this_process import OpenFiles
    from pytest_fsfault._windows.reasons import Rest
    from pytest_fsfault._windows.sharing import Identity
    from pytest_fsfault._windows.versions import Version


class Denial(Exception):  # noqa: N818  # an answer, not a mistake
    """Windows refuses the call: with which error, and why."""

    def __init__(self, code: int, reason: str, *, declared: bool = False, hold: Hold | None = None) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.declared = declared or hold is not None  # whether it comes of what a test has declared
        self.hold = None if hold is None else hold.number


class HostError(Denial):
    """Any system refuses this, each with its own error: it is not a fault, and not in the journal.

    Unless what stands at `location` is there for Windows alone, which reads another name than the host does.
    """

    def __init__(self, code: int, reason: str, location: Location | None = None) -> None:
        super().__init__(code, reason)
        self.location = location


class WindowsState:
    """The state that the judges look at."""

    def __init__(
        self,
        native: NativeFunctions,
        version: Version,
        open_files: OpenFiles | FakeOpenFiles,
        now: Callable[[], float],
        changed: Callable[[], None],
        *,
        on_windows: bool = False,
        fake: bool = False,
    ) -> None:
        self.native = native
        self.version = version
        self.changed = changed
        self.open_files = open_files
        self.now = now
        # There the system itself knows names, attributes and what is open: only what is declared is added.
        self.on_windows = on_windows
        self.is_fake = fake
        exact = version.case_sensitive or on_windows
        self.lookup = Lookup(native, case_sensitive=exact, remembers=not fake)
        self.holds = Holds(now, changed)
        self.volumes: list[str] = []
        self.roots = Roots(native)
        # Files that go with their last handle, by where they are now: opened for deletion, sharing everything.
        self.temporaries: dict[Identity, str] = {}
        # Deleted names that legacy Windows keeps until their last handle is closed.
        self.pending: dict[str, Identity] = {}
        self.listings: weakref.WeakSet[Any] = weakref.WeakSet()
        self.streams = streams.Streams(native, self.lookup, changed)
        self.attributes = Attributes(self.lookup)

    @property
    def calm(self) -> bool:
        """Return whether nothing is held, and no file has what the host does not know."""
        state = (
            self.holds or self.volumes or self.temporaries or self.pending or self.attributes or self.streams
        )
        return self.version.long_paths and not state

    def mark(self) -> tuple[Any, ...]:
        """Return what `rewind` goes back to."""
        known = list(self.volumes), dict(self.temporaries), dict(self.pending), self.attributes.mark()
        return *known, self.streams.owners

    def rewind(self, state: tuple[Any, ...] | None) -> None:
        """Go back to a state, or to none: files that were known since are gone, and their numbers are free."""
        volumes, temporaries, pending, attributes, owners = state or ([], {}, {}, None, frozenset())
        for identity in self.streams.owners - owners:
            self.streams.gone(identity)
        self.volumes[:] = volumes
        self.temporaries, self.pending = dict(temporaries), dict(pending)
        self.attributes.rewind(attributes)
        self.listings.clear()
        self.lookup.begin_epoch()
        self.changed()

    # Names and places.

    def locate(self, path: str, shown: object, *, searching: bool = False, making: bool = False) -> Location:
        """Return what stands at a path; refuse a name that Windows cannot read."""
        if self.on_windows:
            return self.lookup.find(path)
        if names.is_empty(shown):  # to all that opens by name: Wine dlls/kernelbase/file.c
            raise HostError(3, "an empty path names nothing, not the current directory")
        name = names.read(path, shown, self.version, searching=searching, making=making)
        if name.problem:
            raise Denial(name.problem, f"{name.why} ({path.rpartition('/')[2]})")
        if name.device:
            return self._device(name.device, making=making)
        found = self.lookup.find(name.path)
        return self._stream(found, name.stream) if name.stream else found

    def names_stream(self, path: str, shown: object) -> bool:
        """Return whether a path names an alternate data stream."""
        return not self.on_windows and bool(names.read(path, shown, self.version).stream)

    def owner(self, operation: Operation, location: Location) -> Location:
        """Return whose attributes and times those of a place are: a stream has its file's."""
        if not self.streams or not self.names_stream(operation.path, operation.shown):
            return location
        return self.lookup.find(names.read(operation.path, operation.shown, self.version).path)

    def locate_plain(self, path: str, shown: object) -> Location:
        """Return what stands at a path that must not name a stream, since it is to be moved or linked.

        Source: dotnet/runtime File/Move.cs WindowsAlternateDataStreamMove (refused; the number by inference).
        """
        # By its type, too: what `file::$DATA` names is the file, but not a name that can be given.
        typed = not self.on_windows and path.upper().endswith("::$DATA")
        if typed or self.names_stream(path, shown):
            raise Denial(
                names.INVALID_NAME,
                f"{path.rpartition('/')[2]} is a stream, which has no name of its own to be moved",
            )
        return self.locate(path, shown)

    def _stream(self, location: Location, stream: str) -> Location:
        if not location.exists:
            raise HostError(location.parent or 2, f"{location.name} is not a file that could have a stream")
        self.must_live(location)
        return self.streams.locate(location.identity, stream)

    def make_room_for_stream(self, operation: Operation) -> None:
        """Create the file, empty, whose stream is about to be created."""
        name = names.read(operation.path, operation.shown, self.version)
        if name.stream and not name.problem:
            location = self.lookup.find(name.path)
            if not location.exists and not location.parent:
                self.native.open_file(location.path, "xb").close()
                self.lookup.created(location.path)

    def _device(self, device: str, *, making: bool) -> Location:
        if making:
            raise Denial(names.NOT_A_DIRECTORY, f"{device} is a device")
        if device == "nul":
            null = str(self.native.null())
            return Location(null, self.native.stat(null))
        raise Denial(2, f"{device} is a device")

    def real(self, path: str) -> str:
        """Return a path below a root as the system knows it."""
        return self.roots.real(path)

    def existing(self, operation: Operation) -> Location:
        """Return the place of an operation's path; refuse what is missing or deleted."""
        location = self.locate(operation.path, operation.shown)
        self.must_exist(location)
        return location

    def must_exist(self, location: Location) -> None:
        """Refuse a place at which there is nothing, or nothing any more."""
        if not location.exists:
            raise HostError(location.parent or 2, _missing(location), location)
        self.must_live(location)

    def must_lead(self, location: Location, missing: int = 3) -> Location:
        """Return what a location leads to; refuse a link that leads nowhere, or to itself (1921)."""
        followed = self.lookup.follow(location)
        if followed.exists:
            return followed
        try:
            self.native.stat(location.path)
        except OSError as error:
            code = _UNRESOLVED if error.errno == errno.ELOOP else missing
            raise HostError(code, f"{location.name} is a link that leads nowhere") from None
        return followed

    def must_live(self, location: Location) -> None:
        """Refuse a file that is deleted and waits for its last handle to close, and a new name in such a directory."""
        if not self.pending:
            return
        above = location.path.rpartition("/")[0]
        for path in (location.path, above):
            identity = self.pending.get(self.real(path))
            if identity is not None and (path == location.path or not location.exists):
                raise Denial(5, self.still_there(path, identity), declared=True)

    def is_pending(self, location: Location) -> bool:
        """Return whether a file is deleted and waits for its last handle to close."""
        return bool(self.pending) and self.real(location.path) in self.pending

    def still_there(self, path: str, identity: Identity) -> str:
        """Say why a deleted file or directory is still in the way; its hold was hit."""
        for hold in self.holds.of(identity):
            if hold.opening.kind not in _MAPPED:
                self.holds.meet(hold)
        return f"{path.rpartition('/')[2]} is deleted, and stays until its last handle is closed"

    def check_ending(self, location: Location, shown: object) -> None:
        """Refuse a file, or a link to one, that is written with a separator at its end.

        Sources: pyfakefs's tests on Windows (getsize, link, rename; remove and readlink of links that lead nowhere:
        ENOTDIR; 267 by inference). Only openings that want no directory give 123.
        """
        if not names.ends_with_separator(shown) or not location.exists:
            return
        if location.is_directory or self.attributes.is_directory_link(location):
            return
        raise HostError(
            names.NOT_A_DIRECTORY, f"{location.name} is a file, written with a separator at its end"
        )

    def check_parent(self, location: Location) -> None:
        """Refuse a new name whose directory is open without sharing that.

        The system opens the directory to add a name, which counts as writing; the one that a file comes from it
        does not open. Attributes alone never conflict. Sources: MS-FSA 2.1.5.15.6; samba
        source4/torture/smb2/rename.c; ReactOS ntoskrnl/io/iomgr/iofunc.c IopOpenLinkOrRenameTarget.
        """
        if not self.holds:
            return
        above = self.lookup.find(location.path.rpartition("/")[0] or "/")
        directory = self.lookup.follow(above)
        if directory.exists:
            self.check_sharing(directory, WRITE, self.version.target_directory_share, real=False)

    # Attributes.

    def set_attribute(self, location: Location, name: str, value: bool) -> None:
        """Give an attribute, or take it away."""
        self.attributes.set(location, name, value)
        self.changed()

    def forget(self, identity: Identity) -> None:
        """Record that a file is gone: the system will give its number to another."""
        self.attributes.forget(identity)
        self.temporaries.pop(identity, None)
        self.streams.gone(identity)
        self.holds.gone(identity)

    # Who has what open.

    def openings(self, identity: Identity, *, real: bool = True) -> Iterator[tuple[Opening, Hold | None]]:
        """Yield who has a file or directory open; `real` looks at this process and its children, too."""
        for hold in self.holds.of(identity):
            yield hold.opening, hold
        for listing in list(self.listings):
            if listing.identity == identity:
                yield Opening(READ, ALL, "directory", "an iterator of os.scandir is open"), None
        if real and not self.on_windows:
            temporary = identity in self.temporaries
            for opening in self.open_files.of(identity):
                if temporary and opening.kind == "handle":
                    yield opening._replace(access=opening.access | DELETE, share=ALL), None
                else:
                    yield opening, None

    def below(self, directory: str) -> Iterator[tuple[Opening, Hold | None]]:
        """Yield what is open strictly below a directory."""
        directory = self.real(directory)
        for hold in self.holds.below(directory):
            yield hold.opening._replace(path=hold.path), hold
        if self.on_windows:
            return
        prefix = f"{directory}/"
        for listing in list(self.listings):
            if listing.path.startswith(prefix):
                yield Opening(READ, ALL, "directory", "an iterator of os.scandir is open", listing.path), None
        for opening in self.open_files.below(directory):
            yield opening, None

    def check_sharing(self, location: Location, access: int, share: int, *, real: bool = True) -> None:
        """Refuse an opening that conflicts with one that is there."""
        found = (
            one for one in self.openings(location.identity, real=real) if conflict(access, share, one[0])
        )
        for opening, hold in found:
            self.refuse(32, location, opening, hold, found)
        if self.streams:
            self.check_streams(location, access, share)

    def check_streams(self, location: Location, access: int, share: int) -> None:
        """Refuse an opening of a file that conflicts with one of its streams, or the other way round."""
        for identity, of_file in self.streams.others(location):
            for opening, hold in self.openings(identity):
                if streams.conflict(access, share, opening, of_file=of_file):
                    self.refuse(32, location, opening, hold)

    def check_images(self, location: Location, code: int, *, sections: bool = False) -> None:
        """Refuse what Windows refuses on a running program or loaded library (or on any mapped file)."""
        for opening, hold in self.openings(location.identity):
            if opening.kind in _IMAGES or (sections and opening.kind == "section"):
                self.refuse(code, location, opening, hold)

    def refuse(
        self, code: int, location: Location, opening: Opening, hold: Hold | None, rest: Rest = ()
    ) -> NoReturn:
        """Raise the refusal that `opening` causes."""
        raise Denial(code, self.explain(location.name, opening, hold, rest), hold=hold)

    def explain(self, name: str, opening: Opening, hold: Hold | None, rest: Rest = ()) -> str:
        """Say who is in the way, and so to who declared it."""
        if hold is not None:
            self.holds.meet(hold)
        return reasons.explain(name, opening, hold, self.now(), rest)

    def is_open(self, identity: Identity) -> bool:
        """Return whether there is a handle of a file."""
        return any(opening.kind not in _MAPPED for opening, _ in self.openings(identity))

    def other_volume(self, source: str, target: str) -> bool:
        """Return whether two paths are on different drives."""
        return bool(self.volumes) and self._volume(source) != self._volume(target)

    def _volume(self, path: str) -> str:
        inside = [top for top in self.volumes if path == top or path.startswith(f"{top}/")]
        return max(inside, key=len, default="")


_UNRESOLVED = 1921  # ERROR_CANT_RESOLVE_FILENAME
_IMAGES = frozenset({"image", "library"})
_MAPPED = _IMAGES | {"section"}


def _missing(location: Location) -> str:
    return f"{'the directory of ' if location.parent else ''}{location.name} does not exist"
