"""A call is reached however it was bound; what was bound early says so in the journal."""

# ruff: noqa: B008, PLW0108, UP020  # how a call is written is what is tested here

from __future__ import annotations

import _io
import asyncio
import codecs
import gzip
import importlib
import io
import itertools
import logging
import mmap
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import types
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from skips import marked, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._host.originals import ORIGINALS

posix = importlib.import_module(os.name)  # the module of C behind `os`

EARLY = ", bound early"
ARGS = {"rename": ("f", "g"), "replace": ("f", "g"), "remove": ("f",), "mkdir": ("g",)}


_numbers = itertools.count()


def run(source):
    """Execute source as a module of its own, and return it."""
    module = types.ModuleType(f"made_on_the_fly_{next(_numbers)}")
    sys.modules[module.__name__] = module
    exec(compile(source, __file__, "exec"), vars(module))
    return module


def bound_from_import(name):
    """A module that has imported the name before the faults came, exchanged in its dictionary."""
    return run(f"from os import {name} as alias\ndef call(*args): return alias(*args)").call


def bound_default(name):
    """A keyword-only default."""

    def call(*args, function=getattr(os, name)):
        return function(*args)

    return call


def bound_positional_default(name):
    """A default."""

    def call(a, b=None, function=getattr(os, name)):
        return function(a) if b is None else function(a, b)

    return call


def bound_dictionary(name):
    """A value in a dictionary."""
    table = {"it": getattr(os, name)}

    def call(*args):
        return table["it"](*args)

    return call


def bound_sequence(kind):
    """An item of a list or tuple."""

    def bind(name):
        table = kind([getattr(os, name)])

        def call(*args):
            return table[0](*args)

        return call

    return bind


def bound_attribute(wrap):
    """An attribute of a class, wrapped or not."""

    def bind(name):
        holder = type("Holder", (), {"function": wrap(getattr(os, name))})

        def call(*args):
            return holder.function(*args)

        return call

    return bind


def bound_instance(name):
    """An attribute of an instance."""

    class Holder:
        def __init__(self):
            self.function = getattr(os, name)

        def call(self, *args):
            return self.function(*args)

    return Holder().call


def bound_closure(name):
    """A variable of the enclosing function."""
    function = getattr(os, name)

    def call(*args):
        return function(*args)

    return call


def bound_posix(name):
    """The module below `os`."""
    below = posix.__name__
    return run(f"import {below}\ndef call(*args): return {below}.{name}(*args)").call


# How a name was bound before the faults came; and whether the call is reached by the audit hook alone.
STYLES = {
    "attribute": (lambda name: lambda *args: getattr(os, name)(*args), False),
    "from-import": (bound_from_import, False),
    "default": (bound_positional_default, True),
    "keyword-only default": (bound_default, True),
    "partial": (lambda name: partial(getattr(os, name)), True),
    "dictionary": (bound_dictionary, True),
    "list": (bound_sequence(list), True),
    "tuple": (bound_sequence(tuple), True),
    "static method": (bound_attribute(staticmethod), True),
    "class attribute": (bound_attribute(lambda function: function), True),
    "instance attribute": (bound_instance, True),
    "closure": (bound_closure, True),
    "posix": (bound_posix, True),
    "object": (lambda name: getattr(os, name), True),
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Stand in a directory with a file `f`."""
    (tmp_path / "f").write_bytes(b"content")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ARGS)
def test_a_call_is_reached_however_it_was_bound(name, style, tree):
    """Refused where it is due, let through where it is not, and told apart: rename is not replace."""
    bind, early = STYLES[style]
    call = bind(name)
    other = {"rename": "os.replace -> EIO or never", "replace": "os.rename -> EIO or never"}.get(
        name, "os.stat -> EIO or never"
    )
    with inject(other, f"os.{name} -> EBUSY when once", roots=[tree]) as fsfault:
        with pytest.raises(OSError, match="busy"):
            call(*ARGS[name])
        call(*ARGS[name])
        seen = [
            (entry.operation, entry.outcome, entry.reason.endswith(EARLY[2:])) for entry in fsfault.journal
        ]
        assert [(f"os.{name}", "raised", early), (f"os.{name}", "passed" if early else "ok", early)] == seen
        assert {f"{__file__}"} == {entry.call_site.rpartition(":")[0] for entry in fsfault.journal}


TAKING = """
def take():
    from os import stat
    globals()["taken"] = stat

def leave():
    global taken
    del taken

def call(path):
    return taken(path)
"""


def test_a_name_that_a_module_takes_later_is_exchanged(tree):
    """Nothing is imported in between; and where another module lets go of the same function, none is more used."""
    first, second = run(TAKING), run(TAKING)
    for before, now in ((None, first), (first, second), (second, first)):
        with inject(roots=[tree]):
            pass
        if before is not None:
            before.leave()
        now.take()
        with inject("os.stat -> EBUSY when once", roots=[tree]):
            with pytest.raises(OSError, match="busy"):
                now.call("f")
            now.call("f")


OPENERS = {
    "attribute": (lambda path: io.open(path), False),
    "builtin": (lambda path: open(path), False),
    "from-import": (run("from io import open as alias\ndef call(path): return alias(path)").call, False),
    "_io.open": (lambda path: _io.open(path), True),
    "io.FileIO": (lambda path: io.FileIO(path), True),
    "default": (lambda path, function=open: function(path), True),
    "Path.open": (lambda path: Path(path).open(), False),
    "Path.read_text": (lambda path: Path(path).read_text(), False),
    "codecs": (lambda path: codecs.open(path) if sys.version_info < (3, 14) else open(path), False),
    "gzip": (lambda path: gzip.open(path), False),
    "tarfile": (lambda path: tarfile.open(path), False),
    "zipfile": (lambda path: zipfile.ZipFile(path), False),
    "logging": (lambda path: logging.FileHandler(path), False),
    "thread pool": (lambda path: ThreadPoolExecutor(1).submit(open, path).result(), False),
    "shutil": (lambda path: shutil.copyfile(path, f"{path}2"), False),
}


@pytest.mark.parametrize("how", OPENERS)
def test_opening_is_reached_however_it_was_bound(how, tree):
    """`open` in its module, under other names, in libraries, and in C."""
    call, early = OPENERS[how]
    with inject("open f -> EACCES when once", roots=[tree]) as fsfault:
        with pytest.raises(PermissionError) as caught:
            call(str(tree / "f"))
        assert [(True, early)] == [
            (e.outcome == "raised", e.reason.endswith("bound early")) for e in fsfault.journal
        ]
    assert str(tree / "f") == caught.value.filename


def test_an_early_bound_open_is_not_an_os_open(tree):
    """Both raise the audit event `open`; only `os.open` has no mode."""
    with inject("os.open -> EBUSY", "open -> EACCES", roots=[tree]):
        with pytest.raises(OSError, match="busy"):
            posix.open("f", os.O_RDONLY)
        with pytest.raises(PermissionError):
            io.FileIO("f")


LIBRARIES = {
    "Path.rename": ("os.rename", lambda: Path("f").rename("g")),
    "Path.replace": ("os.replace", lambda: Path("f").replace("g")),
    "Path.unlink": ("os.remove", lambda: Path("f").unlink()),
    "Path.mkdir": ("os.mkdir", lambda: Path("g").mkdir()),
    "Path.stat": ("os.stat", lambda: Path("f").stat()),
    "Path.iterdir": ("os.listdir, os.scandir", lambda: list(Path().absolute().iterdir())),
    "Path.chmod": ("os.chmod", lambda: Path("f").chmod(0o600)),
    "os.makedirs": ("os.mkdir", lambda: os.makedirs("g/h")),
    "os.renames": ("os.rename", lambda: os.renames("f", "g")),
    "os.walk": ("os.scandir", lambda: list(os.walk(".", onerror=lambda error: (_ for _ in ()).throw(error)))),
    "os.path.getsize": ("os.stat", lambda: os.path.getsize("f")),
    "shutil.move": ("shutil.move", lambda: shutil.move("f", "g")),
    "shutil.copy": ("shutil.copyfile", lambda: shutil.copy("f", "g")),
    "shutil.copytree": ("os.mkdir", lambda: shutil.copytree(".", "g")),
    "tempfile.mkdtemp": ("os.mkdir", lambda: tempfile.mkdtemp(dir=".")),
    "tempfile.mkstemp": ("os.open", lambda: tempfile.mkstemp(dir=".")),
    "NamedTemporaryFile.close": ("os.remove", lambda: tempfile.NamedTemporaryFile(dir=".").close()),
    "thread pool": ("os.replace", lambda: ThreadPoolExecutor(1).submit(os.replace, "f", "g").result()),
    "asyncio": ("os.replace", lambda: asyncio.run(asyncio.to_thread(os.replace, "f", "g"))),
    "map": ("os.remove", lambda: list(map(os.remove, ["f"]))),
}


LEFT = {"NamedTemporaryFile.close": posix_fact("tempfile itself deletes a NamedTemporaryFile")}


@pytest.mark.parametrize("what", marked(LIBRARIES, LEFT))
def test_the_standard_library_is_reached_on_behalf_of_the_code(what, tree):
    """Its calls are operations of their own, at the line that asked for them."""
    operation, call = LIBRARIES[what]
    with inject(f"{operation} -> EBUSY when once", roots=[tree]) as fsfault:
        with pytest.raises(OSError, match="busy"):
            call()
        if what not in {"thread pool", "asyncio"}:
            assert __file__ == fsfault.journal.faults[0].call_site.rpartition(":")[0]
    assert (tree / "f").exists()


def test_a_mapping_is_met_by_its_event(tree):
    """The path is that of the file behind the descriptor, also after the descriptor got a file object."""
    descriptor = os.open("f", os.O_RDWR)
    with (
        inject("mmap.mmap f -> ERROR_ACCESS_DENIED", roots=[tree]) as fsfault,
        os.fdopen(descriptor, "r+b") as file,
    ):
        with pytest.raises(PermissionError, match=r"\A\[WinError 5\] Access is denied\Z"):
            mmap.mmap(file.fileno(), 0)
        mmap.mmap(-1, 10).close()
        assert [(tree / "f").as_posix()] == [entry.path for entry in fsfault.journal]


@pytest.mark.parametrize("command", [["./f"], "./f", [Path("f").absolute().name], [b"./f"]])
@pytest.mark.parametrize("where", [None, "."])
@posix_fact("a script that is a program")
def test_a_program_is_met_by_its_event(command, where, tree, monkeypatch):
    """The rule matches on the executable, relative to the child's directory or found on the path."""
    monkeypatch.setenv("PATH", f"{tree}{os.pathsep}{os.environ['PATH']}")
    os.chmod("f", 0o755)
    with inject("subprocess.Popen f -> ERROR_ACCESS_DENIED", roots=[tree]) as fsfault:
        with pytest.raises(PermissionError, match=r"\A\[WinError 5\] Access is denied\Z"):
            subprocess.Popen(command, cwd=where)
        assert [(tree / "f").as_posix()] == [entry.path for entry in fsfault.journal]


def both(*args, which):
    """Call one of two functions; the names in this frame lead to both."""
    return (posix.rename if which == "rename" else posix.replace)(*args)


@pytest.mark.parametrize("which", ["rename", "replace"])
def test_in_doubt_only_rules_for_both_apply(which, tree):
    """The event is one for rename and replace: where the caller's names do not tell, a rule for both acts."""
    with inject("os.replace -> EIO or never", "rename -> EBUSY when once", roots=[tree]) as fsfault:
        with pytest.raises(OSError, match="busy"):
            both("f", "g", which=which)
        assert ["rename -> EBUSY when once: call 1, bound early, os.rename or os.replace"] == [
            entry.reason for entry in fsfault.journal
        ]


def test_in_doubt_a_narrower_rule_is_told_as_an_escape(tree):
    """The call goes through; the journal and strict="all" say so."""
    site = f"{__file__}:{both.__code__.co_firstlineno + 2}"
    told = f"os.replace f -> EIO or never: a call bound early was either os.rename or os.replace, at {site}"
    with (
        pytest.raises(AssertionError) as caught,
        inject("os.replace f -> EIO or never", roots=[tree], strict="all") as fsfault,
    ):
        both("f", "g", which="replace")
    assert told == str(caught.value)
    assert [("passed", None, "bound early, os.rename or os.replace")] == [
        (entry.outcome, entry.fault, entry.reason) for entry in fsfault.journal
    ]


def test_in_doubt_a_rule_for_another_path_is_no_escape(tree):
    """Nothing is told where no rule could have meant the call."""
    with inject("os.replace x -> EIO or never", roots=[tree], strict="all") as fsfault:
        both("f", "g", which="replace")
        assert [] == list(fsfault.journal)


def test_a_rule_that_waited_for_a_doubtful_call_says_so(tree):
    """The rule never fired; why it may have been passed by stands in the same sentence."""
    with pytest.raises(AssertionError) as caught, inject("os.replace f -> EIO", roots=[tree]):
        both("f", "g", which="replace")
    assert str(caught.value).startswith(
        "`os.replace f` never fired: no call of os.replace below the roots, but 1 call of os.rename, on f; a call bound early was either os.rename or os.replace, at "
    )


def test_an_early_bound_call_can_be_delayed(tree):
    """The hook lets virtual time pass, and then the call happens."""
    table = {"remove": os.remove}
    with inject("os.remove -> delay 1s when once", roots=[tree]) as fsfault:
        table["remove"]("f")
        assert ([1.0], ["passed"]) == (fsfault.clock.slept, [entry.outcome for entry in fsfault.journal])


@pytest.mark.parametrize("name", ARGS)
def test_a_fault_after_an_early_bound_call_has_done_it(name, tree):
    """The hook performs the call itself and then raises."""
    function = getattr(os, name)
    with inject(f"os.{name} -> EBUSY after", roots=[tree]), pytest.raises(OSError, match="busy"):
        function(*ARGS[name])
    assert {"rename": ["g"], "replace": ["g"], "remove": [], "mkdir": ["f", "g"]}[name] == sorted(
        os.listdir()
    )


@pytest.mark.parametrize("name", ["rename", "replace"])
def test_what_was_bound_early_is_done_before_a_fault_by_that_very_function(tmp_path, monkeypatch, name):
    """`os.replace` overwrites on Windows, `os.rename` does not: a fault `after` changes nothing about it."""
    for file in "fg":
        (tmp_path / file).write_text(file)

    def early(*args, function=getattr(os, name)):
        return function(*args)

    with inject(roots=[tmp_path], strict=False):
        pass  # the wrappers are there: made later, they would take what follows for the originals
    done = []
    for one in ("rename", "replace"):
        real = ORIGINALS["os", one]
        monkeypatch.setitem(
            ORIGINALS, ("os", one), lambda *args, real=real, one=one: (done.append(one), real(*args))
        )
    with inject("rename -> EBUSY after", roots=[tmp_path], strict=False):
        with pytest.raises(OSError):
            early(tmp_path / "f", tmp_path / "g")
    assert [name] == done
    assert ("f" if os.name == "posix" or name == "replace" else "g") == (tmp_path / "g").read_text()
