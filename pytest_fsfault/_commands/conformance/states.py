"""The states of a record, by their names: what is there, and who holds it, before an operation."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._commands.conformance.workspace import CONTENT
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._host.originals import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._commands.conformance.workspace import RowWorkspace

_CHILD = b"cccc"  # four bytes, as the record has it
_PROGRAM, _LIBRARY = bytes(14848), bytes(12288)


class RecordedState(NamedTuple):
    """What is prepared before an operation; `beside`: by another process too."""

    prepare: Callable[[RowWorkspace], None]
    beside: bool


# Paths and files.


def _missing(workspace: RowWorkspace) -> None:
    """Leave everything as it is."""


def _below(workspace: RowWorkspace, parent: str) -> None:
    workspace.names |= {"p": workspace.path(f"{parent}/f.txt"), "F": workspace.path(f"{parent}/F.TXT")}


def _named(workspace: RowWorkspace, name: str) -> None:
    value = _literal(name)
    if isinstance(value, bytes):
        workspace.names["p"] = NATIVE.fsencode(workspace.path(NATIVE.fsdecode(value)))
    else:
        workspace.names["p"] = workspace.path(value)


def _file(workspace: RowWorkspace) -> None:
    workspace.write("f.txt", CONTENT)


def _kept(workspace: RowWorkspace, source: str) -> None:
    _file(workspace)
    workspace.keep(re.sub(r"\bO_", "os.O_", source))


def _handle(workspace: RowWorkspace, access: str, share: str) -> None:
    _file(workspace)
    workspace.held(workspace.others.hold(workspace.p, _letters(access), _letters(share)))


def _held_beside(workspace: RowWorkspace, mode: str) -> None:
    _file(workspace)
    workspace.ending(partial(workspace.other.release))
    workspace.other.open(workspace.p, mode)


def _mmap(workspace: RowWorkspace, access: str | None, file: str) -> None:
    _file(workspace)
    mode, how = ("'rb'", ", access=mmap.ACCESS_READ") if access == "READ" else ("'r+b'", "")
    if access not in {None, "READ"}:
        how = f", access=mmap.ACCESS_{access}"
    workspace.do(f"_file = open(p, {mode})\n_map = mmap.mmap(_file.fileno(), 0{how})")
    workspace.keep("_map")
    workspace.keep("_file")
    if file == "closed":
        workspace.do("_file.close()")


def _view(workspace: RowWorkspace) -> None:
    _file(workspace)
    workspace.held(workspace.others.map(workspace.p))


def _read_only(workspace: RowWorkspace, held: str | None) -> None:
    _file(workspace)
    workspace.do("os.chmod(p, 0o444)")
    if held:
        workspace.keep("open(p, 'rb')")


def _other_read_only(workspace: RowWorkspace) -> None:
    _file(workspace)
    workspace.do("os.chmod(t, 0o444)")


def _attribute(workspace: RowWorkspace, attribute: str) -> None:
    _file(workspace)
    workspace.others.set_attributes(workspace.p, **{attribute: True})


def _image(workspace: RowWorkspace, kind: str) -> None:
    suffix = _image_at(workspace, "", kind)
    workspace.names |= {"p": workspace.path("f" + suffix), "F": workspace.path("F" + suffix.upper())}


def _image_at(workspace: RowWorkspace, prefix: str, kind: str) -> str:
    running = kind == "running exe"
    suffix, content = (".exe", _PROGRAM) if running else (".dll", _LIBRARY)
    path = workspace.write(f"{prefix}f{suffix}", content)
    workspace.held(workspace.others.run(path) if running else workspace.others.load(path))
    return suffix


def _pending(workspace: RowWorkspace) -> None:
    _handle(workspace, "R", "rwd")
    workspace.do("os.remove(p)")


def _hard_link(workspace: RowWorkspace) -> None:
    _file(workspace)
    workspace.do("os.link(p, os.path.join(D, 'hl.txt'))")
    workspace.keep("open(os.path.join(D, 'hl.txt'), 'rb')")


# Directories.


def _dir(workspace: RowWorkspace, files: tuple[str, ...] = ()) -> None:
    workspace.mkdir("f.txt")
    if any(name.startswith("s/") for name in files):
        workspace.mkdir("f.txt/s")
    for name in files:
        workspace.write(f"f.txt/{name}", _CHILD)


def _dir_above_file(workspace: RowWorkspace, what: str, deep: str | None) -> None:
    name = "s/b" if deep else "a"
    _dir(workspace, (name,))
    workspace.names["inside"] = inside = workspace.path(f"f.txt/{name}")
    if what == "read-only":
        workspace.do("os.chmod(inside, 0o444)")
    elif what.startswith("open"):
        workspace.keep(f"open(inside, {what[5:-1]!r})")
    else:
        workspace.held(workspace.others.hold(inside, "r", _letters(what.removesuffix("-handle"))))


def _cwd(workspace: RowWorkspace, above: str | None, beside: str | None) -> None:
    _dir(workspace)
    directory = workspace.mkdir("f.txt/s") if above else workspace.p
    if beside:
        workspace.ending(partial(workspace.other.release))
        workspace.other.enter(directory)
    else:
        workspace.names["inside"] = directory
        workspace.do("os.chdir(inside)")


def _iterated(workspace: RowWorkspace, empty: str | None) -> None:
    _dir(workspace, () if empty else ("a", "b"))
    workspace.do("_entries = os.scandir(p)")
    workspace.keep("_entries")
    if not empty:
        workspace.do("next(_entries)")


def _listed(workspace: RowWorkspace, share: str) -> None:
    _dir(workspace)
    workspace.listable = "r" in _letters(share)
    workspace.held(workspace.others.hold(workspace.p, "r", _letters(share)))


def _read_only_dir(workspace: RowWorkspace) -> None:
    _dir(workspace)
    workspace.others.set_attributes(workspace.p, readonly=True)


def _dir_above_image(workspace: RowWorkspace, kind: str) -> None:
    _dir(workspace)
    _image_at(workspace, "f.txt/", kind)


def _letters(words: str) -> str:
    return "" if words in {"none", "attributes-only"} else words.lower()


def _literal(text: str) -> Any:
    try:
        value = eval(text, {"__builtins__": {}})  # noqa: S307  # such as 'x'*255
    except Exception:  # noqa: BLE001  # whatever it is, it is no name
        return None
    return value if isinstance(value, (str, bytes)) else None


_SHARE = r"(none|[rwd]+)(?: \(.*\))?"
_STATES: list[tuple[str, Callable[..., None]]] = [
    (r"missing", _missing),
    (r"missing parent", partial(_below, parent="nodir")),
    (r"parent is a file", partial(_below, parent="other.txt")),
    (r"closed file", _file),
    (r"(open\(p,[^)]*\)|os\.open\(p,[\w|.]+\)) kept open", _kept),
    (rf"handle ([RWD]+|attributes-only)/{_SHARE}", _handle),
    (r"held open\((\w+)\) by another process", _held_beside),
    (r"mmap (?:\((?:ACCESS_)?(\w+)\) )?alive, file object (open|closed)", _mmap),
    (r"mapped view only(?: \(.*\))?", _view),
    (r"read-only(?: \(chmod 0o444\))?( and open\(.+\))?", _read_only),
    (r"other t is read-only", _other_read_only),
    (r"(hidden|system)", _attribute),
    (r"(running exe|loaded dll)", _image),
    (r"delete-pending(?: \(.*\))?", _pending),
    (r"hard link of p(?: \(os\.link\))? open\(rb\)", _hard_link),
    (r"empty dir", _dir),
    (r"non-empty dir", partial(_dir, files=("a", "s/b"))),
    (r"dir with a file (open\([^)]*\))( two levels)? inside", _dir_above_file),
    (r"dir with a ((?:none|[rwd]+)-handle|read-only) file( two levels)? inside", _dir_above_file),
    (r"(?:dir that is )?(?:the )?(parent of )?the cwd( of another process)?", _cwd),
    (r"(empty )?dir with scandir iterator open", _iterated),
    (rf"empty dir with handle LIST/{_SHARE}", _listed),
    (r"read-only dir", _read_only_dir),
    (r"dir containing a (running exe|loaded dll)", _dir_above_image),
    (r"name (.+)", _named),
]
# Of the patterns above that are no plain text: what a typing mistake may have meant.
_EXAMPLES = (
    "missing", "missing parent", "parent is a file", "closed file", "open(p,'rb') kept open",
    "os.open(p,O_RDONLY) kept open", "handle R/rw", "handle attributes-only/none", "held open(rb) by another process",
    "mmap alive, file object open", "mmap (ACCESS_READ) alive, file object closed", "mapped view only",
    "read-only (chmod 0o444)", "read-only and open(rb)", "other t is read-only", "hidden", "system", "running exe",
    "loaded dll", "delete-pending", "hard link of p open(rb)", "empty dir", "non-empty dir",
    "dir with a file open(rb) inside", "dir with a rwd-handle file inside", "dir with a read-only file inside",
    "dir that is the cwd", "dir that is the parent of the cwd", "dir that is the cwd of another process",
    "dir with scandir iterator open", "empty dir with scandir iterator open", "empty dir with handle LIST/rwd",
    "read-only dir", "dir containing a running exe", "dir containing a loaded dll", "name 'nul'",
)  # fmt: skip


@cache
def find_state(name: str) -> RecordedState:
    """Return the state of a name. Raise FsFaultError for one that is none."""
    for pattern, prepare in _STATES:
        found = re.fullmatch(pattern, name, re.DOTALL)
        if found and (prepare is not _named or _literal(found[1]) is not None):
            return RecordedState(_with(prepare, found.groups()), "another process" in name)
    hint = nearest(name, _EXAMPLES) or "; write one of the record's own, such as 'closed file'"
    raise FsFaultError(f"the state {name!r} is unknown{hint}")


def _with(prepare: Callable[..., None], words: tuple[Any, ...]) -> Callable[[RowWorkspace], None]:
    return lambda workspace: prepare(workspace, *words)
