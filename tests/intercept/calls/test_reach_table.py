"""The reach table: what renames, deletes, makes and opens is refused however the code came by the function."""

# ruff: noqa: PLW0108  # how a call is written is what is tested here

from __future__ import annotations

import bz2
import filecmp
import fileinput
import gzip
import io
import itertools
import lzma
import os
import re
import shutil
import sys
import tarfile
import tempfile
import types
import weakref
import zipapp
import zipfile
from functools import partial
from logging import handlers
from pathlib import Path
from threading import Thread

import pytest
from skips import WINDOWS, marked, posix_fact

from pytest_fsfault import inject

# How a call is met: by the wrapper in the module; by the audit hook, since the function was taken before
# there was a wrapper; by the hook, which cannot tell rename from replace there.
WRAPPED, EARLY, DOUBTFUL = "wrapped", "bound early", "bound early, os.rename or os.replace"

#: Operation, module, the module in C below it (on Windows `nt`), function, arguments that would change the tree.
CALLS = {
    "rename": ("os.rename", "os", os.name, "rename", ("f", "g")),
    "replace": ("os.replace", "os", os.name, "replace", ("f", "g")),
    "remove": ("os.remove", "os", os.name, "remove", ("f",)),
    "unlink": ("os.remove", "os", os.name, "unlink", ("f",)),
    "rmdir": ("os.rmdir", "os", os.name, "rmdir", ("d",)),
    "mkdir": ("os.mkdir", "os", os.name, "mkdir", ("g",)),
    "os.open": ("os.open", "os", os.name, "open", ("g", os.O_WRONLY | os.O_CREAT)),
    "open": ("open", "io", "_io", "open", ("f", "w")),
}

# Each is executed as a module before the faults come; `call` is what the test calls.
_CALLED = {
    "attribute": ("def call(*args): return M.F(*args)", WRAPPED),
    "alias of the module": ("import M as o\ndef call(*args): return o.F(*args)", WRAPPED),
    "from-import": ("from M import F\ndef call(*args): return F(*args)", WRAPPED),
    "from-import, alias": ("from M import F as alias\ndef call(*args): return alias(*args)", WRAPPED),
    "star-import": ("from M import *\ndef call(*args): return F(*args)", WRAPPED),
    "import in the function": ("def call(*args):\n from M import F as f\n return f(*args)", WRAPPED),
    "import_module": ("import importlib\ndef call(*args): return importlib.import_module('M').F(*args)", WRAPPED),
    "getattr": ("def call(*args): return getattr(M, 'F')(*args)", WRAPPED),
    "vars": ("def call(*args): return vars(M)['F'](*args)", WRAPPED),
    "methodcaller": ("import operator\ndef call(*args): return operator.methodcaller('F', *args)(M)", WRAPPED),
    "attrgetter": ("import operator\nget = operator.attrgetter('F')\ndef call(*args): return get(M)(*args)", WRAPPED),
    "eval": ("def call(*args): return eval('M.F(*args)')", WRAPPED),
    "a global of that value": ("f = M.F\ndef call(*args): return f(*args)", WRAPPED),
    "starmap": ("import itertools\ndef call(*args): return list(itertools.starmap(M.F, [args]))", WRAPPED),
    "map": ("def call(*args): return list(map(M.F, *[[one] for one in args]))", WRAPPED),
    "partial, late": ("import functools\ndef call(*args): return functools.partial(M.F, *args)()", WRAPPED),
    "default": ("def call(a, b=None, f=M.F): return f(a) if b is None else f(a, b)", EARLY),
    "keyword-only default": ("def call(*args, f=M.F): return f(*args)", EARLY),
    "default of a lambda": ("call = lambda *args, f=M.F: f(*args)", EARLY),
    "partial": ("import functools\ncall = functools.partial(M.F)", EARLY),
    "dictionary": ("table = {'f': M.F}\ndef call(*args): return table['f'](*args)", EARLY),
    "dictionary, get": ("table = {'f': M.F}\ndef call(*args): return table.get('f')(*args)", EARLY),
    "list": ("table = [M.F]\ndef call(*args): return table[0](*args)", EARLY),
    "list, loop": ("table = [M.F]\ndef call(*args):\n for f in table: f(*args)", EARLY),
    "static method": ("class C: f = staticmethod(M.F)\ndef call(*args): return C.f(*args)", EARLY),
    "class method": ("class C:\n f = M.F\n @classmethod\n def go(cls, *args): return cls.f(*args)\ncall = C.go", EARLY),
    "class attribute": ("class C: f = M.F\ndef call(*args): return C.f(*args)", EARLY),
    "class attribute, of an instance": ("class C: f = M.F\nc = C()\ndef call(*args): return c.f(*args)", EARLY),
    "inherited attribute": ("class B: f = M.F\nclass C(B): pass\ndef call(*args): return C().f(*args)", EARLY),
    "instance attribute": ("class C:\n def __init__(self): self.f = M.F\n def call(self, *args): return self.f(*args)\ncall = C().call", EARLY),
    "slot": ("class C:\n __slots__ = ('f',)\nc = C(); c.f = M.F\ndef call(*args): return c.f(*args)", DOUBTFUL),
    "dataclass": ("import dataclasses\n@dataclasses.dataclass\nclass C:\n f: object = M.F\nc = C()\ndef call(*args): return c.f(*args)", EARLY),
    "namespace": ("import types\nspace = types.SimpleNamespace(f=M.F)\ndef call(*args): return space.f(*args)", EARLY),
    "closure": ("def bind():\n f = M.F\n def call(*args): return f(*args)\n return call\ncall = bind()", EARLY),
    "decorator": ("import functools\ndef again(f):\n @functools.wraps(f)\n def call(*args): return f(*args)\n return call\ncall = again(M.F)", EARLY),
    "generator": ("def made(f):\n f(*(yield))\n yield\ndef call(*args): bound.pop().send(args)\nbound = [made(M.F) for _ in range(2)]\nfor g in bound: next(g)", EARLY),
    "the object itself": ("call = M.F", EARLY),
    "posix, _io": ("import P\ndef call(*args): return P.F(*args)", EARLY),
    "posix, _io, of sys.modules": ("import P, sys\ndef call(*args): return sys.modules['P'].F(*args)", EARLY),
    "posix, _io, of sys.modules, in an argument": ("import P, sys\ndef call(*args): return str(sys.modules['P'].F(*[a and str(a) if isinstance(a, str) else a for a in args]))", EARLY),
    "posix, _io, getattr": ("import P, sys\nname = 'F'\ndef call(*args): return getattr(sys.modules['P'], name)(*args)", DOUBTFUL),
    "from posix, _io": ("from P import F as f\ndef call(*args): return f(*args)", WRAPPED),
    "copy": ("import copy\nf = [copy.deepcopy(M.F)]\ndef call(*args): return f[0](*args)", EARLY),
    "nested table": ("table = {'a': {'f': M.F}}\ndef call(*args): return table['a']['f'](*args)", DOUBTFUL),
    "method-wrapper": ("f = M.F.__call__\ndef call(*args): return f(*args)", DOUBTFUL),
    "cache": ("import functools\nf = functools.lru_cache(M.F)\ndef call(*args): return f(*args)", DOUBTFUL),
    "context variable": ("import contextvars\nv = contextvars.ContextVar('v', default=M.F)\ndef call(*args): return v.get()(*args)", DOUBTFUL),
}  # fmt: skip

# The same functions handed to others, taken when the call is made (F) or before (E).
_POOL = "from concurrent.futures import ThreadPoolExecutor\ndef call(*args):\n with ThreadPoolExecutor(1) as pool: return "
_LOOP = "import asyncio\nasync def go(*args): return await "
_HANDED = {
    "thread pool": _POOL + "pool.submit({}, *args).result()",
    "map of a thread pool": _POOL + "list(pool.map({}, *[[one] for one in args]))",
    "asyncio.to_thread": _LOOP
    + "asyncio.to_thread({}, *args)\ndef call(*args): return asyncio.run(go(*args))",
    "run_in_executor": _LOOP
    + "asyncio.get_running_loop().run_in_executor(None, {}, *args)\ndef call(*args): return asyncio.run(go(*args))",
    "context": "import contextvars\ndef call(*args): return contextvars.copy_context().run({}, *args)",
    "ExitStack": "import contextlib\ndef call(*args):\n with contextlib.ExitStack() as stack: stack.callback({}, *args)",
}
# A task of a pool holds the function itself; `to_thread` wraps it twice.
_LATER = {"asyncio.to_thread": DOUBTFUL, "ExitStack": EARLY}
STYLES = {
    **_CALLED,
    **{f"{name}, late": (text.format("M.F"), WRAPPED) for name, text in _HANDED.items()},
    **{
        f"{name}, early": ("table = [M.F]\n" + text.format("table[0]"), _LATER.get(name, EARLY))
        for name, text in _HANDED.items()
    },
}


def lay_out(root):
    """Build the tree: a file and an empty directory."""
    (root / "f").write_bytes(b"content")
    (root / "d").mkdir()
    return root


def lay_out_more(root):
    """Add what libraries work on: a second file, a full directory, archives, logs."""
    for name in ("h", "log", "log.1", "full/x", "app/__main__.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("text")
    shutil.make_archive(str(root / "a"), "zip", root, "full")
    shutil.make_archive(str(root / "a"), "tar", root, "full")


def contents(root):
    """Return what is below a directory."""
    return {path.relative_to(root): path.is_file() and path.read_bytes() for path in root.rglob("*")}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Stand in a directory with a tree."""
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path)


_numbers = itertools.count()


@pytest.fixture
def bound(monkeypatch):
    """Return a function that executes a style for one of the calls as a module of its own, and returns its `call`."""

    def bind(text, module, below, function):
        for placeholder, meant in {"M": module, "P": below, "F": function}.items():
            text = re.sub(rf"\b{placeholder}\b", meant, text)
        made = types.ModuleType(f"bound_on_the_fly_{next(_numbers)}")
        monkeypatch.setitem(sys.modules, made.__name__, made)
        exec(compile(f"import {module}\n{text}", __file__, "exec"), vars(made))
        return made.call

    return bind


def refused(rule, call, tree):
    """Refuse a call, and return its entry in the journal."""
    with inject(f"{rule} -> EBUSY", roots=[tree]) as fsfault:
        with pytest.raises(OSError, match="busy"):
            call()
        return fsfault.journal.faults[0]


@pytest.mark.parametrize("style", STYLES)
def test_a_call_is_refused_however_it_is_bound(style, tree, bound):
    """Each call's rule fires, the tree is untouched, and the journal says how the call was met."""
    text, how = STYLES[style]
    expected, seen, before = {}, {}, contents(tree)
    for name, (operation, *names, args) in CALLS.items():
        doubtful = how == DOUBTFUL and operation in {"os.rename", "os.replace"}
        entry = refused("rename" if doubtful else operation, partial(bound(text, *names), *args), tree)
        expected[name] = ("os.rename", how) if doubtful else (operation, EARLY if how == DOUBTFUL else how)
        seen[name] = entry.operation, entry.reason.partition(": call 1")[2].removeprefix(", ") or WRAPPED
    assert expected == seen
    assert before == contents(tree)


#: The composites that announce themselves, which is how they are met where they were taken early.
COMPOSITES = {
    "copyfile": ("f", "g"),
    "copymode": ("f", "h"),
    "copystat": ("f", "h"),
    "copytree": ("full", "g"),
    "move": ("f", "g"),
    "rmtree": ("full",),
    "make_archive": ("g", "tar", "full"),
    "unpack_archive": ("a.tar", "g"),
    **({} if WINDOWS else {"chown": ("f", os.getuid())}),
}


@pytest.mark.parametrize("style", ["from-import", "keyword-only default", "partial", "dictionary", "closure"])
def test_a_composite_is_refused_however_it_is_bound(style, tree, bound):
    """What shutil does as a whole is an operation of its own."""
    lay_out_more(tree)
    text, how = STYLES[style]
    seen, before = {}, contents(tree)
    for name, args in COMPOSITES.items():
        call = bound(text, "shutil", "shutil", name)
        reason = refused(f"shutil.{name}", partial(call, *args), tree).reason
        seen[name] = reason.partition(": call 1")[2].removeprefix(", ") or WRAPPED
    assert dict.fromkeys(COMPOSITES, how) == seen
    assert before == contents(tree)


def rolled(kind):
    """Return a function that makes a log handler of this kind roll over."""

    def roll():
        handler = kind()
        try:
            handler.doRollover()
        finally:
            handler.close()

    return roll


def in_thread(function):
    """Call in a thread of its own, and raise what it raised."""
    caught = []

    def run():
        try:
            function()
        except OSError as error:
            caught.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    raise caught[0]


def finalized(function, *args):
    """Call when an object dies."""
    held = {1}
    weakref.finalize(held, function, *args)()


def added():
    """Put a file in an archive."""
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.write("f")


def extracted(archive, extract):
    """Take something out of an archive."""
    with archive:
        extract(archive)


def rewritten():
    """Change a file in place."""
    with fileinput.input("f", inplace=True) as lines:
        list(lines)


# Who calls in somebody's place, the operation that he needs, and what to do.
LIBRARIES = {
    "Path.rmdir": ("os.rmdir", lambda: Path("d").rmdir()),
    "Path.touch": ("os.open", lambda: Path("g").touch()),
    "Path.write_text": ("open", lambda: Path("f").write_text("new")),
    "Path.symlink_to": ("os.symlink", lambda: Path("g").symlink_to("f")),
    "Path.hardlink_to": ("os.link", lambda: Path("g").hardlink_to("f")),
    "Path.mkdir, parents": ("os.mkdir", lambda: Path("g/h").mkdir(parents=True)),
    "os.removedirs": ("os.rmdir", lambda: os.removedirs("d")),
    "os.fwalk": ("os.scandir", lambda: list(os.fwalk(".", onerror=lambda error: (_ for _ in ()).throw(error)))),
    "shutil.rmtree, file": ("os.remove", lambda: shutil.rmtree("full")),
    "shutil.rmtree, directory": ("os.rmdir", lambda: shutil.rmtree("d")),
    "shutil.copyfile": ("open f", lambda: shutil.copyfile("f", "g")),
    "shutil.copystat": ("os.utime", lambda: shutil.copystat("f", "h")),
    "shutil.make_archive": ("open g.zip", lambda: shutil.make_archive("g", "zip", "full")),
    "TemporaryDirectory": ("os.mkdir", lambda: tempfile.TemporaryDirectory(dir=".")),
    "NamedTemporaryFile": ("os.open", lambda: tempfile.NamedTemporaryFile(dir=".")),
    "zipfile, file": ("open **/full/x", lambda: extracted(zipfile.ZipFile("a.zip"), lambda archive: archive.extractall("full/.."))),
    "zipfile, directory": ("os.mkdir", lambda: extracted(zipfile.ZipFile("a.zip"), lambda archive: archive.extractall("g"))),
    "zipfile, add": ("open f", added),
    "tarfile, file": ("open x", lambda: extracted(tarfile.open("a.tar"), lambda archive: archive.extract("full/x", filter="data"))),
    "tarfile, directory": ("os.mkdir", lambda: extracted(tarfile.open("a.tar"), lambda archive: archive.extractall("g", filter="data"))),
    "zipapp": ("open g", lambda: zipapp.create_archive("app", "g")),
    "gzip, write": ("open", lambda: gzip.open("f", "wb")),
    "bz2": ("open", lambda: bz2.open("f", "wb")),
    "lzma": ("open", lambda: lzma.open("f", "wb")),
    "filecmp": ("open log", lambda: filecmp.cmp("h", "log", shallow=False)),
    "fileinput": ("os.rename", rewritten),
    "io.open_code": ("open", lambda: io.open_code(os.path.abspath("f"))),
    "io.FileIO, write": ("open", lambda: io.FileIO("f", "w")),
    "io.FileIO, new": ("open", lambda: io.FileIO("g", "x")),
    "io.FileIO, append": ("open", lambda: io.FileIO("g", "a")),
    "io.FileIO, subclass": ("open", lambda: type("Raw", (io.FileIO,), {})("f", "r+")),
    "opener": ("os.open", lambda: open("f", "w", opener=os.open)),
    "RotatingFileHandler": ("os.rename", rolled(lambda: handlers.RotatingFileHandler("h", backupCount=1))),
    "RotatingFileHandler, oldest": (
        "os.remove", rolled(lambda: handlers.RotatingFileHandler("log", backupCount=1))
    ),
    "TimedRotatingFileHandler": ("os.rename", rolled(lambda: handlers.TimedRotatingFileHandler("log"))),
    "WatchedFileHandler": ("open", lambda: handlers.WatchedFileHandler("log")),
    "thread": ("os.remove", lambda: in_thread(lambda: os.remove("f"))),
    "finalizer": ("os.remove", lambda: finalized(os.remove, "f")),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("what", marked(LIBRARIES, {"os.fwalk": posix_fact("os.fwalk")}))
def test_a_call_of_a_library_is_refused(what, tree):
    """The call that changes the tree is met where the library makes it, and the error comes up to the caller."""
    lay_out_more(tree)
    rule, call = LIBRARIES[what]
    before = contents(tree)
    entry = refused(rule, call, tree)
    assert (rule.partition(" ")[0], "raised") == (entry.operation, entry.outcome)
    assert before == contents(tree)
