"""Only what happens below the roots, by the code under test, is under fault."""

# ruff: noqa: D403  # how a call is written is what is tested here

from __future__ import annotations

import importlib
import inspect
import linecache
import os
import py_compile
import sys
import types
from pathlib import Path

import pytest
from skips import posix_fact

from pytest_fsfault import FsFaultError, inject
from pytest_fsfault._session.roots import forms


@pytest.fixture
def tree(tmp_path):
    """Lay out two directories with a file each."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["out/f", "in2/f", "inf", "in/../out/f", "."])
def test_nothing_outside_the_roots_is_under_fault(name, tree):
    """A root ends at a separator, and `..` leads out of it."""
    (tree / "in2").mkdir()
    for free in ("in2/f", "inf"):
        (tree / free).touch()
    with inject("any -> EBUSY or never", roots=[tree / "in"]) as fsfault:
        assert os.stat(f"{tree}/{name}")
        assert 0 == len(fsfault.journal)


def test_the_root_itself_is_under_fault(tree):
    """Deleting or listing it is an operation below it."""
    with inject("os.listdir -> EBUSY", roots=[tree / "in"]), pytest.raises(OSError, match="busy"):
        os.listdir(tree / "in")


@posix_fact("symbolic links that anybody may make")
@pytest.mark.parametrize("place", ["", "/", "/deep", "/deep/", "/missing", "/missing/x", "/in/f/x"])
@pytest.mark.parametrize("top", ["", "link", "deep/link", "broken", "loop"])
def test_a_root_has_its_real_path_however_many_links_lead_there(top, place, tree):
    """As `os.path.realpath` says, also where nothing is, or a link leads nowhere or in a circle."""
    (tree / "deep").mkdir()
    (tree / "link").symlink_to(tree)
    (tree / "deep" / "link").symlink_to("..")
    (tree / "broken").symlink_to(tree / "nowhere")
    (tree / "loop").symlink_to(tree / "loop")
    root = f"{tree.as_posix()}/{top}{place}"
    for given in (root, f"/{root}"):
        absolute = os.path.abspath(given)
        assert (absolute, os.path.realpath(absolute)) == forms(given)


@posix_fact("symbolic links that anybody may make")
def test_a_root_that_becomes_a_link_is_looked_at_anew(tree):
    """Real paths are not remembered from one session to the next."""
    root = tree / "root"
    root.mkdir()
    assert (str(root), str(root)) == forms(root)
    root.rmdir()
    root.symlink_to(tree / "in")
    assert (str(root), os.path.realpath(tree / "in")) == forms(root)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("in/sub/../a", "in/b"),
        ("in/a", "in/sub/../b"),
        ("in//a", "in/b"),
        ("in/a", "in/./b"),
        ("in/a/", "in/b"),
        ("in/a", "in/sub/../../in/b"),
        ("in/.a", "in/b"),
        ("in/a", "in/.b"),
    ],
)
def test_a_known_folder_does_not_hide_an_odd_spelling(source, target, tree):
    """Pairs that a rule concerns are found although others in the same folders have been judged before."""
    (tree / "in" / "sub").mkdir()
    root = tree / "in"
    with inject(f"os.replace {tree}/in/*a -> EBUSY", roots=[root]):
        for name in ("f", "g"):
            os.replace(f"{root}/{name}", f"{root}/{'g' if name == 'f' else 'f'}")
        with pytest.raises(OSError, match="busy"):
            os.replace(f"{tree}/{source}", f"{tree}/{target}")


def test_a_folder_is_known_no_longer_once_the_roots_have_changed(tree):
    """What was below a root of one session is not watched in the next."""
    for _ in range(2):
        with (
            inject("os.replace -> EBUSY or never", roots=[tree / "in"]),
            pytest.raises(OSError, match="busy"),
        ):
            os.replace(f"{tree}/in/f", f"{tree}/in/g")
        with inject("os.replace *.never -> EBUSY or never", roots=[tree / "in"]):
            os.replace(f"{tree}/in/f", f"{tree}/in/g")
            os.replace(f"{tree}/in/g", f"{tree}/in/f")
        with inject("os.replace -> EBUSY or never", roots=[tree / "out"]) as fsfault:
            os.replace(f"{tree}/in/f", f"{tree}/in/g")
            os.replace(f"{tree}/in/g", f"{tree}/in/f")
        assert 0 == len(fsfault.journal)


def test_globs_are_read_from_the_innermost_root(tree):
    """`f` below two nested roots is seen from the inner one."""
    with inject("os.stat in/f -> EIO or never", "os.stat ./f -> EBUSY", roots=[tree, tree / "in"]):
        with pytest.raises(OSError, match="busy"):
            os.stat(tree / "in" / "f")


def test_roots_can_be_added_later(tree):
    """The next call already sees it, although the path was judged before."""
    with inject("os.stat f -> EBUSY", roots=[tree / "in"]) as fsfault:
        os.stat(tree / "out" / "f")
        fsfault.add_root(tree / "out")
        with pytest.raises(OSError, match="busy"):
            os.stat(tree / "out" / "f")
        assert f"{tree.as_posix()}/out" in fsfault.roots


def test_rules_can_be_added_and_removed_later(tree):
    """A path that no rule concerned is looked at anew."""
    with inject(roots=[tree]) as fsfault:
        os.stat(tree / "in" / "f")
        armed = fsfault.add("os.stat -> EBUSY")
        with pytest.raises(OSError, match="busy"):
            os.stat(tree / "in" / "f")
        armed.remove()
        os.stat(tree / "in" / "f")
        assert (1, 1) == (armed.matched, armed.fired)


def test_a_pause_switches_the_faults_off(tree):
    """It nests, and nothing is recorded meanwhile."""
    with inject("os.stat -> EBUSY", roots=[tree]) as fsfault:
        with fsfault.paused(), fsfault.paused():
            os.stat(tree / "in")
        with fsfault.paused():
            os.stat(tree / "in")
        assert 0 == len(fsfault.journal)
        with pytest.raises(OSError, match="busy"):
            os.stat(tree / "in")


@pytest.mark.parametrize(
    ("root", "why"),
    [
        (
            "/",
            "{} is not allowed as a root: it holds the whole file system; write a directory of the test's own",
        ),
        ("~", "{} is not allowed as a root: it is the home directory; write a directory of the test's own"),
        (
            sys.base_prefix,
            "{} is not allowed as a root: it is the prefix of the running Python; write a directory of the test's own",
        ),
    ],
)
@pytest.mark.parametrize("later", [True, False])
def test_roots_that_would_hurt_are_refused(root, why, later, tree, monkeypatch):
    """The whole file system, the home directory, an interpreter."""
    monkeypatch.setenv("HOME", str(tree))
    monkeypatch.setenv("USERPROFILE", str(tree))
    root = Path(os.path.abspath(os.path.expanduser(root))).as_posix()
    with pytest.raises(FsFaultError) as caught:
        with inject("os.stat -> EBUSY or never", roots=[tree / "in"] if later else [root]) as fsfault:
            fsfault.add_root(root)
    assert why.format(repr(root)) == str(caught.value)


@pytest.fixture
def package(tree, monkeypatch):
    """Put a package below the root that has never been imported."""
    (tree / "in" / "scoped_package").mkdir()
    (tree / "in" / "scoped_package" / "__init__.py").write_text("def f():\n    return 1 / 0\n")
    (tree / "in" / "scoped_package" / "data.txt").write_text("data")
    monkeypatch.syspath_prepend(tree / "in")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield "scoped_package"
    sys.modules.pop("scoped_package", None)


def test_imports_are_never_under_fault(package, tree):
    """Neither finding a module, nor its source, nor its bytecode cache."""
    with inject("any -> EBUSY or never", roots=[tree]) as fsfault:
        importlib.invalidate_caches()
        module = importlib.import_module(package)
        importlib.reload(module)
        assert [] == list(fsfault.journal)


def test_what_an_imported_module_does_is_under_fault(package, tree):
    """Its own calls at import are the code under test."""
    (tree / "in" / package / "__init__.py").write_text("import os\nos.stat(__file__)\n")
    with inject("os.stat -> EBUSY", roots=[tree]) as fsfault:
        with pytest.raises(OSError, match="busy"):
            importlib.import_module(package)
        assert [f"{tree / 'in' / package / '__init__.py'}:2"] == [
            entry.call_site for entry in fsfault.journal
        ]


def test_showing_source_lines_is_never_under_fault(package, tree):
    """`linecache` reads for a traceback, not for the code."""
    module = importlib.import_module(package)
    linecache.clearcache()
    with inject("any -> EBUSY or never", roots=[tree]) as fsfault:
        assert "def f():\n" == linecache.getline(module.__file__, 1)
        assert "1 / 0" in inspect.getsource(module.f)
        assert [] == list(fsfault.journal)


def test_compiled_files_are_written_without_fault(package, tree):
    """The import system does it."""
    with inject(
        "any __pycache__/* -> EBUSY or never", "os.replace -> EBUSY or never", roots=[tree]
    ) as fsfault:
        py_compile.compile(str(tree / "in" / package / "__init__.py"), doraise=True)
        assert [] == [entry for entry in fsfault.journal if entry.operation == "os.replace"]


@pytest.mark.parametrize(
    "name", ["_pytest.helper", "pluggy", "xdist.workermanage", "hypothesis.core", "coverage.data", "pydevd"]
)
def test_what_belongs_to_the_machinery_is_never_under_fault(name, tree):
    """pytest, its plugins and debuggers work while the test runs."""
    module = types.ModuleType(name)
    exec(compile("import os\ndef call(path): os.stat(path)", f"/{name}/helper.py", "exec"), vars(module))
    with inject("os.stat -> EBUSY or never", roots=[tree]) as fsfault:
        module.call(tree)
        assert [] == list(fsfault.journal)


def test_fixtures_that_a_test_asks_for_are_pytests_work(request, tree):
    """pytest makes the directory, not the code under test."""
    with inject("os.mkdir -> EBUSY or never", roots=[tree.parent]) as fsfault:
        request.getfixturevalue("tmp_path_factory").mktemp("more")
        assert [] == list(fsfault.journal)


def test_code_made_by_exec_is_judged_by_its_module(tree):
    """Two modules that share the file name "<string>" are not taken for each other."""
    spaces = {name: {"__name__": name} for name in ("_pytest.made", "project")}
    for space in spaces.values():
        exec("import os\ndef call(path): os.stat(path)", space)
    for first, second in (("_pytest.made", "project"), ("project", "_pytest.made")):
        with inject("os.stat -> EBUSY", roots=[tree]):
            for name in (first, second):
                try:
                    spaces[name]["call"](tree)
                    refused = False
                except OSError:
                    refused = True
                assert (name == "project") == refused


class TestNested:
    """Nest `inject` inside `inject`."""

    def test_the_inner_one_is_asked_first(self, tree):
        """Its answer counts, and both journal it."""
        with inject("os.stat -> EIO when nth 2", roots=[tree]) as outer:
            with inject("os.stat -> EBUSY when once", roots=[tree]) as inner:
                with pytest.raises(OSError, match="busy"):
                    os.stat(tree)
                with pytest.raises(OSError, match="Input/output"):
                    os.stat(tree)
                assert ["EBUSY", "EIO"] == [entry.fault for entry in inner.journal]
            os.stat(tree)
            assert ["EBUSY", "EIO", None] == [entry.fault for entry in outer.journal]

    def test_they_share_one_clock(self, tree):
        """Time that passes inside has passed outside."""
        with inject(roots=[tree]) as outer, inject(roots=[tree]) as inner:
            inner.clock.sleep(3)
            assert outer.clock is inner.clock
            assert 3 <= outer.clock.now < 4

    def test_each_has_its_own_roots(self, tree):
        """A call below one of them is none of the other's business."""
        with inject("os.stat -> EIO or never", roots=[tree / "out"]) as outer:
            with inject("os.stat -> EBUSY", roots=[tree / "in"]):
                with pytest.raises(OSError, match="busy"):
                    os.stat(tree / "in")
            assert [] == list(outer.journal)

    def test_a_pause_of_the_inner_leaves_the_outer(self, tree):
        """Each has its own gate."""
        with (
            inject("os.stat -> EIO", roots=[tree]),
            inject("os.stat -> EBUSY or never", roots=[tree]) as inner,
        ):
            with inner.paused(), pytest.raises(OSError, match="Input/output"):
                os.stat(tree)

    def test_a_rule_that_the_inner_one_forestalled_has_not_fired(self, tree):
        """It counted the call, but its fault never acted."""
        with pytest.raises(
            AssertionError,
            match=r"\A`os.stat` never fired: 1 matching call, but a rule of an inner session handled it\Z",
        ):
            with inject("os.stat -> EIO", roots=[tree]):
                with inject("os.stat -> EBUSY", roots=[tree]), pytest.raises(OSError, match="busy"):
                    os.stat(tree)

    def test_what_the_inner_one_had_no_part_in_is_not_laid_to_it(self, tree):
        """It handled the call that was due; the outer rule's schedule let the others pass."""
        text = "`os.stat` never fired: 3 matching calls, of which 1 was due, but a rule of an inner session handled it"
        with pytest.raises(AssertionError) as caught, inject("os.stat -> EIO when once", roots=[tree]):
            with inject("os.stat -> EBUSY when once", roots=[tree]):
                with pytest.raises(OSError, match="busy"):
                    os.stat(tree)
                os.stat(tree)
                os.stat(tree)
        assert text == str(caught.value)

    def test_they_may_end_in_any_order(self, tree):
        """What remains goes on."""
        outer, inner = (inject("os.stat -> EBUSY or never", roots=[tree]) for _ in "12")
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)
        with pytest.raises(OSError, match="busy"):
            os.stat(tree)
        inner.__exit__(None, None, None)
        os.stat(tree)
