"""A pretence holds for what is imported later, nests, and leaves nothing behind."""

from __future__ import annotations

import builtins
import importlib
import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import types
from unittest import mock

import pytest
from skips import left_to_windows

from pytest_fsfault import FsFaultError, inject
from pytest_fsfault._windows.platform.pretend import Pretence, pretend

from .pretending import BODY, HERE, SOURCES, WINDOWS, written


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes a package `mypkg`, modules by keyword, importable during the test."""
    yield from written(tmp_path, monkeypatch)


def test_every_name_is_the_same_object_again(package):
    """After the end the globals of a module are the very objects that were there before."""
    mod = package(
        mod=SOURCES["early"] + "\n        import os, sys as system_module\n        WINDOWS = False"
    )("mod")
    before = {name: id(value) for name, value in vars(mod).items()}
    with pretend("mypkg.*"):
        during = {name for name, value in vars(mod).items() if id(value) != before[name]}
    assert {"where", "name", "system", "os", "system_module", "WINDOWS"} == during
    assert before == {name: id(value) for name, value in vars(mod).items()}


def test_import_time_decisions_are_those_of_windows_and_then_forgotten(package):
    """A module first imported meanwhile decides as on Windows; the next import decides anew."""
    load = package(
        mod="import os, sys\nSUFFIX = '.exe' if os.name == 'nt' else ''\nONLY = sys.platform == 'win32'"
    )
    parent = importlib.import_module("mypkg")
    with pretend("mypkg.*"):
        mod = load("mod")
        assert (".exe", True) == (mod.SUFFIX, mod.ONLY)
        assert parent.mod is mod
    assert not hasattr(parent, "mod")
    again = load("mod")
    assert ("", False) == (again.SUFFIX, again.ONLY)
    assert parent.mod is again


def test_its_package_is_forgotten_with_it_and_no_other(package, tmp_path):
    """What was first imported of the same package goes too, whether meant or not; the rest stays."""
    load = package(early="", compat=BODY, user="from .compat import look")
    (tmp_path / "other.py").write_text("")
    early = load("early")
    with pretend("mypkg.compat"):
        user, other = load("user"), importlib.import_module("other")
        assert WINDOWS == user.look()
    assert (early, other) == (sys.modules["mypkg.early"], sys.modules["other"])
    assert ["mypkg", "mypkg.early"] == sorted(name for name in sys.modules if name.startswith("mypkg"))
    assert HERE == load("user").look()


def test_a_module_that_fails_at_import(package):
    """An error in a module imported meanwhile goes up as it is, and nothing remains of the module."""
    load = package(mod="import sys\nif sys.platform == 'win32': import no_such_module_of_windows")
    with pretend("mypkg*"), pytest.raises(ModuleNotFoundError) as caught:
        load("mod")
    assert "no_such_module_of_windows" == caught.value.name
    assert "mypkg.mod" not in sys.modules
    assert load("mod").sys is sys


@pytest.mark.parametrize("first", [True, False], ids=["loaded before", "imported later"])
def test_reloading_meanwhile(package, first):
    """A module that is reloaded meanwhile is on Windows again, and restored as well."""
    load = package(
        mod="from os import name\nimport os, sys\nWINDOWS = os.sep == '\\\\'\nIS_WIN = os.name == 'nt'"
    )
    if first:
        load("mod")
    with pretend("mypkg.*"):
        mod = importlib.reload(load("mod"))
        assert ("win32", "nt", True, True) == (mod.sys.platform, mod.name, mod.WINDOWS, mod.IS_WIN)
    mod = load("mod")
    assert (sys, False, False) == (mod.sys, mod.WINDOWS, mod.IS_WIN)


def test_the_loader_of_a_later_module_is_its_own(package):
    """A module imported meanwhile shows the loader that it has without a pretence; its source can be read."""
    load = package(mod=BODY, seen="kept = __loader__, __spec__.loader", unread="")
    with pretend("mypkg.*"):
        mod = load("mod")
        assert importlib.machinery.SourceFileLoader is type(mod.__loader__) is type(mod.__spec__.loader)
        assert {importlib.machinery.SourceFileLoader} == set(map(type, load("seen").kept))
        assert "def look():\n    return sys.platform, os.name, platform.system()\n" == inspect.getsource(
            mod.look
        )
        assert importlib.util.find_spec("mypkg.never_written") is None
        assert importlib.util.find_spec("mypkg.unread").loader.is_package("mypkg.unread") is False


def test_pickling_is_not_affected(package):
    """Functions and classes of a module pickle by name, during and after."""
    mod = package(mod=BODY + "class C: pass")("mod")
    with pretend("mypkg.*"):
        packed = pickle.dumps((mod.look, mod.C))
        assert (mod.look, mod.C) == pickle.loads(packed)
    assert (mod.look, mod.C) == pickle.loads(packed)


def test_a_warning_names_the_line_that_imports(package):
    """`stacklevel=2` in a module's body means the importing line, with and without a pretence."""
    load = package(
        warns="import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)",
        mod="from mypkg import warns",
    )
    with pretend("mypkg.*"), pytest.warns(DeprecationWarning, match="old") as caught:
        mod = load("mod")
    assert [mod.__file__] == [each.filename for each in caught]


def test_an_exception_in_the_body_restores(package):
    """Whatever the body raises goes up unchanged, and everything is restored."""
    mod = package(mod=BODY + "WINDOWS = False")("mod")
    with pytest.raises(KeyError, match="from the body"), pretend("mypkg.*", "no_such_module"):
        raise KeyError("from the body")
    assert (*HERE, False, os) == (*mod.look(), mod.WINDOWS, mod.os)


def test_a_start_that_fails_restores(package, monkeypatch):
    """If something goes wrong while starting, what was done is undone."""
    load = package(a=BODY, b=BODY)
    modules = [load("a"), load("b")]
    pretence = pretend("mypkg.*")
    real = Pretence.dress

    def fail(self, name, module):
        real(self, name, module)
        if name == "mypkg.b":
            raise MemoryError

    monkeypatch.setattr(Pretence, "dress", fail)
    with pytest.raises(MemoryError):
        pretence.start()
    assert [HERE] * 2 == [module.look() for module in modules]


def test_starting_and_stopping_again(package):
    """Start and stop do nothing the second time; a pretence can be started anew."""
    mod = package(mod=BODY + "WINDOWS = False")("mod")
    pretence = pretend("mypkg.*")
    pretence.stop()
    for _ in range(2):
        pretence.start()
        pretence.start()
        assert (*WINDOWS, True) == (*mod.look(), mod.WINDOWS)
        pretence.stop()
        pretence.stop()
        assert (*HERE, False, os) == (*mod.look(), mod.WINDOWS, mod.os)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("source", [SOURCES["import"], SOURCES["early"], SOURCES["in the function"]])
def test_pretences_nest_and_end_in_any_order(package, order, source):
    """As long as one pretence means a module it is on Windows; after the last all is as before."""
    mod = package(mod=textwrap.dedent(source) + "WINDOWS = False")("mod")
    before = dict(vars(mod))
    pretences = [pretend("mypkg.*") for _ in order]
    for pretence in pretences:
        pretence.start()
    for index in order:
        assert (*WINDOWS, True) == (*mod.look(), mod.WINDOWS)
        pretences[index].stop()
    assert (*HERE, False) == (*mod.look(), mod.WINDOWS)
    assert {name: id(value) for name, value in before.items()} == {
        name: id(value) for name, value in vars(mod).items()
    }


def test_two_pretences_for_different_modules(package):
    """Each pretence has its own modules, and its own later imports."""
    load = package(a=BODY, b=BODY)
    with pretend("mypkg.a"):
        with pretend("mypkg.b"):
            assert [WINDOWS, WINDOWS] == [load("a").look(), load("b").look()]
        assert [WINDOWS, HERE] == [load("a").look(), load("b").look()]
    assert [HERE, HERE] == [load("a").look(), load("b").look()]


def test_somebody_else_who_wraps_imports_meanwhile_keeps_his_place(package, monkeypatch):
    """A wrapper put over ours is left alone, and ours is inert below it."""
    mod = package(mod=SOURCES["in the function"])("mod")
    plain, called = builtins.__import__, []
    pretence = pretend("mypkg.*")
    pretence.start()
    ours = builtins.__import__

    def theirs(*args):
        called.append(args[0])
        return ours(*args)

    builtins.__import__ = theirs
    try:
        assert WINDOWS == mod.look()
        pretence.stop()
        assert HERE == mod.look()
        assert builtins.__import__ is theirs
        with pretend("mypkg.*"):
            assert WINDOWS == mod.look()
        assert builtins.__import__ is theirs
    finally:
        builtins.__import__ = plain
    assert ["os", "platform", "sys"] * 3 == called


def test_other_threads_see_it_too(package):
    """The view belongs to the module, whichever thread runs its code."""
    mod = package(mod=SOURCES["from, in the function"])("mod")
    found = []
    with pretend("mypkg.*"):
        threads = [threading.Thread(target=lambda: found.append(mod.look())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [WINDOWS] * 4 == found


@pytest.mark.parametrize("outer", ["faults", "pretence"])
@pytest.mark.parametrize("first", [True, False], ids=["loaded before", "imported later"])
def test_the_disguised_os_is_under_the_same_interception(package, tmp_path, outer, first):
    """A rule meets a call through the disguise, early-bound or not, in whichever order the two were started."""
    load = package(mod=BODY + "from os import replace\ndef swap(a, b): os.replace(a, b)")
    if first:
        load("mod")
    (tmp_path / "a").write_text("text")
    faults = inject("os.replace -> ERROR_ACCESS_DENIED when first 2", roots=[tmp_path])
    pair = [faults, pretend("mypkg.*")]
    with pair[outer != "faults"], pair[outer == "faults"]:
        mod = load("mod")
        for call in (mod.swap, mod.replace):
            with pytest.raises(PermissionError) as caught:
                call(str(tmp_path / "a"), str(tmp_path / "b"))
            assert 5 == caught.value.winerror
        mod.swap(tmp_path / "a", tmp_path / "b")
        assert WINDOWS == mod.look()
    assert "text" == (tmp_path / "b").read_text()
    assert HERE == mod.look()


def test_something_that_stands_for_os(package, monkeypatch):
    """What stands for `os` in `sys.modules`, as under a fake file system, is disguised as well."""
    fake = types.SimpleNamespace(name="posix", replace=len)
    mod = package(mod=BODY)("mod")
    mod.os = fake
    monkeypatch.setitem(sys.modules, "os", fake)
    with pretend("mypkg.*"):
        assert ("nt", len) == (mod.os.name, mod.os.replace)
        assert WINDOWS == mod.look()
    assert mod.os is fake


@left_to_windows("`pretend`, which has nothing to do there")
@pytest.mark.parametrize("first", [True, False], ids=["loaded before", "imported later"])
def test_pip_believes_it(first):
    """The constant of pip is true wherever its modules have imported it by name, and false again afterwards."""
    code = f"""
        import importlib, pathlib, sys, tempfile
        from pytest_fsfault._windows.platform.pretend import pretend
        users = "cli.parser commands.debug locations.base operations.install.wheel req.req_uninstall self_outdated_check utils.compat utils.misc"
        names = ["pip._internal." + name for name in users.split()]
        def found():
            modules = [importlib.import_module(name) for name in names]
            values = [vars(m)["WINDOWS"] for m in modules if "WINDOWS" in vars(m)]
            return set(values), len(values) > 3
        if {first}:
            before = found()
            assert before == ({{False}}, True), before
            spaces = {{name: dict(vars(m)) for name, m in sys.modules.items() if name.startswith("pip.")}}
        with pretend("pip._internal.*"):
            assert found() == ({{True}}, True), found()
            with tempfile.TemporaryDirectory() as home:
                assert pathlib.Path(home).is_dir()
        if {first}:
            for name, space in spaces.items():
                for key, value in space.items():
                    assert vars(sys.modules[name])[key] is value, (name, key)
        assert found() == ({{False}}, True), found()
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_a_glob_that_met_nobody(package):
    """A glob that no module has matched by the end is a mistake, told with the nearest module."""
    package(mod=BODY)("mod")
    with pytest.raises(FsFaultError) as caught, pretend("mypkg.*", "mypgk.mod"):
        pass
    message = (
        "pretend('mypgk.mod') met no module that was imported by then; "
        "name the modules under test, such as 'mypkg' and 'mypkg.*'; did you mean 'mypkg.mod'?"
    )
    assert message == str(caught.value)


def test_unmatched_changes_with_the_imports(package):
    """A glob counts as matched from the first module that it means, however that came about, and ever after."""
    load = package(a="", b="")
    pretence = pretend("mypkg", "mypkg.a", "mypkg.b", "made_up")
    assert ("mypkg", "mypkg.a", "mypkg.b", "made_up") == pretence.unmatched
    pretence.start()
    load("a")
    assert ("mypkg.b", "made_up") == pretence.unmatched
    load("b")
    with mock.patch.dict(sys.modules, {"made_up": types.ModuleType("made_up")}):
        pretence.stop()
    assert () == pretence.unmatched
    pretence.verify()
