"""Modules under test believe that they are on Windows, nobody else does; what is refused."""

from __future__ import annotations

import importlib
import inspect
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import textwrap
import types
import warnings
from unittest import mock

import pytest

from pytest_fsfault import FsFaultError
from pytest_fsfault._windows.platform.pretend import pretend

from .pretending import BODY, HERE, SOURCES, WINDOWS, written


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes a package `mypkg`, modules by keyword, importable during the test."""
    yield from written(tmp_path, monkeypatch)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("first", [True, False], ids=["loaded before", "imported later"])
def test_however_a_module_imports_them_it_sees_windows(package, source, first):
    """A module that is meant sees Windows whichever way it imports the three modules, and afterwards the truth."""
    load = package(mod=source)
    if first:
        load("mod")
    with pretend("mypkg.mod"):
        mod = load("mod")
        assert WINDOWS == mod.look()
        assert HERE == (sys.platform, os.name, platform.system())
    again = load("mod")
    assert HERE == again.look()
    assert first == (again is mod)


@pytest.mark.parametrize(
    "source",
    [
        'name = "posix"\nplatform = __import__("sys").platform',
        'name = "posix"\nplatform = "linux"\ndef f():\n    from os import name\n    from sys import platform',
        'name = "posix"\nplatform = "linux"\nclass C:\n    from os import name\n    from sys import platform',
        'from os import sep\nname = "posix"\nplatform = "linux"',
        'name = "posix"\ntry: from .sys import platform\nexcept ImportError: platform = "linux"',
    ],
    ids=["literal", "imported in a function", "imported in a class", "another import", "relative import"],
)
def test_an_equal_text_is_left_alone(package, source):
    """A text that only equals `os.name` or `sys.platform` stays: the source must import it from there."""
    mod = package(mod=source)("mod")
    before = mod.name, mod.platform
    with pretend("mypkg.mod"):
        assert before == (mod.name, mod.platform)


@pytest.mark.parametrize("loader", [None, object(), mock.Mock(get_source=mock.Mock(side_effect=OSError))])
def test_a_module_without_source_keeps_its_early_names(loader):
    """Where no source tells what a text is, it stays; the modules themselves are seen as Windows all the same."""
    made = types.ModuleType("mypkg_made")
    exec(BODY + "from os import name", vars(made))
    made.__loader__ = loader
    with mock.patch.dict(sys.modules, {"mypkg_made": made}), pretend("mypkg_made"):
        assert WINDOWS == made.look()
        assert os.name == made.name


def test_reading_a_source_warns_of_nothing(package):
    """An invalid escape in the source that is read for evidence is not told a second time."""
    load = package(mod='from os import name\nPATTERN = "\\d"')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mod = load("mod")
    with pretend("mypkg.*"):
        assert mod.name == "nt"


@pytest.mark.parametrize("first", [True, False], ids=["loaded before", "imported later"])
@pytest.mark.parametrize("expression", ["False", "os.sep == '\\\\'", "sys.platform == 'win32'"])
def test_constants_are_true(package, first, expression):
    """A module's own truth values of the given names are True, also where other modules import them by name."""
    load = package(
        compat=f"import os, sys\nWINDOWS = IS_WIN = {expression}",
        user="from mypkg.compat import WINDOWS\nfrom . import compat",
    )
    if first:
        load("user")
    with pretend("mypkg.*"):
        user = load("user")
        assert (True, True, True) == (user.WINDOWS, user.compat.WINDOWS, user.compat.IS_WIN)
    user = load("user")
    assert (False, False, False) == (user.WINDOWS, user.compat.WINDOWS, user.compat.IS_WIN)


@pytest.mark.parametrize(
    ("source", "constants", "expected"),
    [
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = False", None, {True}),
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = False", (), {False}),
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = None", None, {None}),
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = 0.0", None, {0.0}),
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = ''", None, {""}),
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = len", None, {len}),
        ("WINDOWS = IS_WINDOWS = IS_WIN = ON_WINDOWS = True", None, {True}),
    ],
)
def test_only_truth_values_change(package, source, constants, expected):
    """A constant of the given names changes if it is False; functions, texts, numbers stay what they are."""
    mod = package(mod=source)("mod")
    with pretend("mypkg.mod", **({} if constants is None else {"constants": constants})):
        found = [mod.WINDOWS, mod.IS_WINDOWS, mod.IS_WIN, mod.ON_WINDOWS]
    assert expected == set(found)
    assert {type(value) for value in expected} == {type(value) for value in found}


def test_own_names_for_constants(package):
    """`constants` replaces the default names; a list does as well."""
    mod = package(mod="nt = WINDOWS = False")("mod")
    with pretend("mypkg.*", constants=["nt"]):
        assert (True, False) == (mod.nt, mod.WINDOWS)
    assert (False, False) == (mod.nt, mod.WINDOWS)


def test_a_value_that_the_code_changed_stays(package):
    """What the code under test itself assigned meanwhile is not undone."""
    mod = package(mod="import os\nWINDOWS = False")("mod")
    with pretend("mypkg.*"):
        mod.WINDOWS = "maybe"
        mod.os = None
    assert ("maybe", None) == (mod.WINDOWS, mod.os)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("mypkg",), [True, False, False]),
        (("mypkg.*",), [False, True, True]),
        (("mypkg.a",), [False, True, False]),
        (("mypkg", "mypkg.?b"), [True, False, True]),
        (("MYPKG*", "mypkg.a"), [False, True, False]),
        (("mypk*",), [True, True, True]),
    ],
)
def test_globs_name_modules(package, patterns, expected):
    """A glob means exactly the modules whose full names it matches, with regard to case."""
    load = package(__init__=BODY, a=BODY, bb=BODY)
    modules = [importlib.import_module("mypkg"), load("a"), load("bb")]
    pretence = pretend(*patterns)
    pretence.start()
    found = [module.look() == WINDOWS for module in modules]
    pretence.stop()
    assert expected == found
    assert [HERE] * 3 == [module.look() for module in modules]


def test_nobody_else_notices(package, tmp_path):
    """The standard library, pytest, subprocesses and modules that are not meant go on as they are."""
    load = package(mod=BODY, other=BODY)
    with pretend("mypkg.mod"):
        assert WINDOWS == load("mod").look()
        assert HERE == load("other").look()
        assert type(tmp_path) is type(pathlib.Path(tmp_path / "x"))
        with tempfile.NamedTemporaryFile(dir=tmp_path) as file:
            assert os.path.exists(file.name)
        assert (os, sys, platform) == (__import__("os"), *map(importlib.import_module, ("sys", "platform")))
        with pytest.raises(pytest.fail.Exception, match="this very text"):
            pytest.fail("this very text")
        code = "import os, sys; print(sys.platform, os.name)"
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [sys.platform, os.name] == printed.stdout.split()


def test_all_else_is_the_real_module(package, monkeypatch):
    """Through the disguise one sees the real functions, as they are at this moment, also patched ones."""
    mod = package(mod="import os, sys, platform")("mod")
    with pretend("mypkg.*"):
        assert mod.os is not os
        assert (os.replace, os.environ, os.path, os.sep) == (
            mod.os.replace,
            mod.os.environ,
            mod.os.path,
            mod.os.sep,
        )
        assert (repr(os), True) == (repr(mod.os), inspect.ismodule(mod.os))
        assert ("os", os.__doc__, os.__spec__) == (mod.os.__name__, mod.os.__doc__, mod.os.__spec__)
        monkeypatch.setattr(os, "replace", len)
        assert mod.os.replace is len
        with pytest.raises(AttributeError, match="module 'os' has no attribute 'no_such'"):
            mod.os.no_such  # noqa: B018
        assert mod.sys._getframe() is inspect.currentframe()


def test_what_windows_does_not_have_is_missing(package, monkeypatch):
    """Whoever asks by `hasattr` takes the way of Windows; a test can put the name there, and take it away again."""
    mod = package(mod="import os\ndef privileged(): return hasattr(os, 'geteuid') and os.geteuid() == 0")(
        "mod"
    )
    with pretend("mypkg.*"):
        assert not mod.privileged()
        for name in ("fork", "O_NOFOLLOW", "sendfile"):
            assert [False] * 3 == [hasattr(mod.os, name), name in dir(mod.os), name in vars(mod.os)]
        with pytest.raises(ImportError, match="cannot import name 'getuid' from 'os'"):
            exec("from os import getuid", vars(mod))
        monkeypatch.setattr(mod.os, "geteuid", lambda: 0, raising=False)
        assert mod.privileged()
        monkeypatch.undo()
        assert not mod.privileged()
        with pytest.raises(AttributeError, match="'geteuid' stays while"):
            del mod.os.geteuid
    assert hasattr(mod.os, "geteuid")


def test_what_a_module_sets_is_set_for_all(package, monkeypatch):
    """Setting and deleting through the disguise reaches the real module."""
    mod = package(mod="import os")("mod")
    with pretend("mypkg.*"):
        monkeypatch.setattr(mod.os, "replace", len)
        assert os.replace is len
        monkeypatch.setattr("mypkg.mod.os.rename", abs)
        assert os.rename is abs
        mod.os.fsfault_was_here = 1
        assert os.fsfault_was_here == 1
        del mod.os.fsfault_was_here
        assert not hasattr(os, "fsfault_was_here")
        monkeypatch.undo()
    assert len is not os.replace


@pytest.mark.parametrize("late", [False, True], ids=["undone inside", "undone after the end"])
@pytest.mark.parametrize("how", ["monkeypatch", "mock"])
def test_a_patched_platform_stays_in_the_view(package, monkeypatch, late, how):
    """A test may set the disguised name for the module alone; neither that nor its undo reaches the real one."""
    mod = package(mod=BODY)("mod")
    pretence = pretend("mypkg.*")
    pretence.start()
    if how == "mock":
        patch = mock.patch.object(mod.sys, "platform", "darwin")
        patch.start()
        undo = patch.stop
    else:
        monkeypatch.setattr(mod.sys, "platform", "darwin")
        undo = monkeypatch.undo
    held = mod.sys
    assert ("darwin", HERE[0]) == (held.platform, sys.platform)
    if not late:
        undo()
        assert WINDOWS == mod.look()
    pretence.stop()
    if late:
        undo()
    assert HERE == (held.platform, os.name, platform.system()) == mod.look()


def test_the_disguised_name_cannot_be_deleted(package):
    """Deleting `sys.platform` through the disguise says why it cannot be."""
    mod = package(mod=BODY)("mod")
    with pretend("mypkg.*"), pytest.raises(AttributeError) as caught:
        del mod.sys.platform
    assert "'platform' stays while a module pretends to be on Windows" == str(caught.value)
    assert HERE == mod.look()


def test_the_dictionary_tells_the_same(package):
    """`vars(sys)` shows the disguised value too, and the real dictionary after the end."""
    mod = package(mod="import os, sys")("mod")
    with pretend("mypkg.*"):
        held = mod.sys
        assert ("win32", sys.path) == (vars(held)["platform"], vars(held)["path"])
        assert {*vars(sys)} == {*vars(held)}
    assert vars(sys) is vars(held)


def test_the_type_of_a_module(package):
    """`type(sys)` still makes modules and recognises them."""
    mod = package(
        mod="import sys\nmake = lambda: type(sys)('made', 'a text')\nis_one = lambda x: isinstance(x, type(sys))"
    )
    mod = mod("mod")
    with pretend("mypkg.*"):
        made = mod.make()
        assert (types.ModuleType, "made", "a text") == (type(made), made.__name__, made.__doc__)
        assert [True, True, False] == [mod.is_one(textwrap), mod.is_one(mod.sys), mod.is_one(5)]


def test_what_was_kept_tells_the_truth_afterwards(package):
    """A disguise kept in a class attribute, a closure or elsewhere is transparent after the end."""
    load = package(
        mod="""\
        import os, sys
        from platform import system
        class C:
            os, sys, system = os, sys, staticmethod(system)
        def late(sys=sys, os=os): return sys.platform, os.name, system()
        """
    )
    with pretend("mypkg.*"):
        mod = load("mod")
        kept = [mod.C.sys, mod.C.os]
        assert WINDOWS == (mod.C.sys.platform, mod.C.os.name, mod.C.system()) == mod.late()
    assert HERE == (mod.C.sys.platform, mod.C.os.name, mod.C.system()) == mod.late()
    assert (os, sys) == (mod.os, mod.sys)
    kept[1].fsfault_was_here = 1
    del kept[1].fsfault_was_here


ELSE = "name the modules under test, such as 'mypkg' and 'mypkg.*'"


MISTAKES = [
    ((), f"pretend() says for no module that it is on Windows; {ELSE}"),
    (("",), f"pretend('') is empty; {ELSE}"),
    (("mypkg", " "), f"pretend(' ') is empty; {ELSE}"),
    ((5,), f"pretend(5) is not text; {ELSE}"),
    ((("mypkg",),), f"pretend(('mypkg',)) is not text; {ELSE}"),
    ((sys,), f"pretend({sys!r}) is not text; {ELSE}; did you mean 'sys'?"),
    (("*",), f"pretend('*') also means 'os', which belongs to the standard library; {ELSE}"),
    (("os",), f"pretend('os') also means 'os', which belongs to the standard library; {ELSE}"),
    (("[s]y?",), f"pretend('[s]y?') also means 'sys', which belongs to the standard library; {ELSE}"),
    (("*.compat",), f"pretend('*.compat') also means 'os', which belongs to the standard library; {ELSE}"),
    (("email.*",), f"pretend('email.*') also means 'email', which belongs to the standard library; {ELSE}"),
    (("pytest",), f"pretend('pytest') also means 'pytest', which belongs to pytest's own run; {ELSE}"),
    (("_pytest.*",), f"pretend('_pytest.*') also means '_pytest', which belongs to pytest's own run; {ELSE}"),
    (
        ("pytest_*",),
        f"pretend('pytest_*') also means 'pytest_fsfault', which belongs to pytest's own run; {ELSE}",
    ),
]


@pytest.mark.parametrize(("modules", "message"), MISTAKES)
def test_mistakes_in_modules(modules, message):
    """A glob that means nobody, or everybody, is refused in one sentence before anything changes."""
    with pytest.raises(FsFaultError) as caught:
        pretend(*modules)
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ("IS_NT", "constants='IS_NT' is not a tuple of names; write constants=('IS_NT',)"),
        ("is nt", "constants='is nt' is not a tuple of names; write constants=('WINDOWS',)"),
        (None, "constants=None is not a tuple of names; write constants=('WINDOWS',)"),
        ((5,), "constants=(5,) holds 5, which is not the name of a variable; write names such as 'WINDOWS'"),
        (
            ("WINDOWS", "IS-WINDOWS"),
            (
                "constants=('WINDOWS', 'IS-WINDOWS') holds 'IS-WINDOWS', which is not the name of a variable; "
                "write names such as 'WINDOWS'; did you mean 'IS_WINDOWS'?"
            ),
        ),
    ],
)
def test_mistakes_in_constants(constants, message):
    """Constants that cannot be names are refused in one sentence."""
    with pytest.raises(FsFaultError) as caught:
        pretend("mypkg", constants=constants)
    assert message == str(caught.value)


def test_on_windows_there_is_nothing_to_pretend(monkeypatch, capsys):
    """It says so, once, and changes nothing."""
    monkeypatch.setattr("pytest_fsfault._windows.platform.pretend._said", [])
    monkeypatch.setattr(sys, "platform", "win32")
    module = sys.modules[written.__module__]
    before = vars(module).copy()
    for _ in range(2):
        with pretend(module.__name__):
            assert before == vars(module)
    assert "pytest-fsfault: pretend has nothing to do here: this is Windows\n" == capsys.readouterr().err
