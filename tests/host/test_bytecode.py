"""The modules that a child attaches by are loaded as the import system would load them, only sooner."""

import importlib.util
import os
import py_compile
import subprocess
import sys

import pytest

from pytest_fsfault import inject
from pytest_fsfault._host.bytecode import BytecodeFinder

NAME = "pytest_fsfault.sample"
SINCE = 1_700_000_000


@pytest.fixture
def place(tmp_path):
    """A directory with a module that was compiled, and a package."""
    inside = tmp_path / "there"
    inside.mkdir()
    source = inside / "sample.py"
    source.write_text("VALUE = 'first'\n")
    os.utime(source, (SINCE, SINCE))
    py_compile.compile(str(source), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    (inside / "room").mkdir()
    (inside / "room" / "__init__.py").write_text("VALUE = 'room'\n")
    return inside


def spec_of(place, name=NAME):
    """Return what the finder says of a module."""
    return BytecodeFinder().find_spec(name, [str(place)])


def loaded(spec):
    """Return the module that a specification leads to."""
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bytecode_of(place):
    """Return the path of the module's bytecode."""
    return place / "__pycache__" / f"sample.{sys.implementation.cache_tag}.pyc"


def test_a_module_is_found_as_the_import_system_finds_it(place):
    """Name, places, parent: whatever tools ask of a module's specification."""
    ours = spec_of(place)
    expected = importlib.util.spec_from_file_location(NAME, place / "sample.py")
    for name in ("name", "origin", "cached", "parent", "has_location", "submodule_search_locations"):
        assert getattr(expected, name) == getattr(ours, name), name
    module = loaded(ours)
    assert "first" == module.VALUE
    assert expected.origin == module.__file__ == compile_path(ours)
    assert expected.cached == module.__cached__
    assert "VALUE = 'first'\n" == ours.loader.get_source(NAME)


def compile_path(spec):
    """Return the path that the code of a module has in tracebacks."""
    return spec.loader.get_code(spec.name).co_filename


def test_a_package_is_found_with_the_place_of_its_modules(place):
    """As its `__path__`, which the import of these begins with."""
    module = loaded(spec_of(place, "pytest_fsfault.room"))
    assert ("room", [str(place / "room")]) == (module.VALUE, module.__path__)


@pytest.mark.parametrize(
    "name", ["json", "pytest_fsfault_other.sample", "pytest_fsfault.missing", "pytest_fsfault"]
)
def test_what_is_not_ours_or_not_there_is_left_to_others(place, name):
    """Modules of other packages, and those that are not where they are by default."""
    assert spec_of(place, name) is None


def test_a_module_on_the_path_is_left_to_others():
    """It has no package whose place is known."""
    assert BytecodeFinder().find_spec(NAME, None) is None


def test_a_directory_is_no_module(tmp_path):
    """Whatever its name is."""
    (tmp_path / "sample.py").mkdir()
    assert spec_of(tmp_path) is None


def rewritten(place):
    """Rewrite the source in the same second, longer than it was."""
    (place / "sample.py").write_text("VALUE = 'second one'\n")
    os.utime(place / "sample.py", (SINCE, SINCE))


def touched(place):
    """Rewrite the source with the same length, later."""
    (place / "sample.py").write_text("VALUE = 'other'\n")
    os.utime(place / "sample.py", (SINCE + 2, SINCE + 2))


def hashed(place):
    """Compile a source such that its bytecode has a hash, and change it."""
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    py_compile.compile(str(place / "sample.py"), doraise=True, invalidation_mode=mode)
    touched(place)


def cut(place):
    """Cut the bytecode in its head, and change the source."""
    bytecode_of(place).write_bytes(bytecode_of(place).read_bytes()[:9])
    touched(place)


STALE = [rewritten, touched, hashed, cut, lambda place: bytecode_of(place).unlink() or touched(place)]


@pytest.mark.parametrize("change", STALE, ids=["longer", "later", "hashed", "cut", "none"])
def test_bytecode_of_another_source_is_not_used(place, change):
    """The source counts: the import system compiles it."""
    change(place)
    assert "first" != loaded(spec_of(place)).VALUE


@pytest.mark.parametrize("body", [b"", b"\0", b"i\1\0\0\0"], ids=["nothing", "no code", "a number"])
def test_bytecode_that_is_broken_is_refused_as_the_import_system_refuses_it(place, body):
    """The same error, of the same kind."""
    bytecode_of(place).write_bytes(bytecode_of(place).read_bytes()[:16] + body)
    expected = importlib.util.spec_from_file_location(NAME, place / "sample.py")
    with pytest.raises((EOFError, ImportError, ValueError)) as theirs:
        loaded(expected)
    with pytest.raises((EOFError, ImportError, ValueError)) as ours:
        loaded(spec_of(place))
    assert (theirs.type, str(theirs.value)) == (ours.type, str(ours.value))


def test_code_that_was_compiled_elsewhere_tells_where_it_is_now(place):
    """A package that was moved with its bytecode: tracebacks name the present place."""
    moved = place.rename(place.with_name("elsewhere"))
    os.utime(moved / "sample.py", (SINCE, SINCE))
    assert str(moved / "sample.py") == compile_path(spec_of(moved))


def test_it_is_a_finder_for_a_block_only():
    """Afterwards the list of finders is what it was."""
    before = list(sys.meta_path)
    finder = BytecodeFinder()
    with finder:
        assert [finder, *before] == sys.meta_path
    assert before == sys.meta_path


def test_where_bytecode_lies_elsewhere_the_import_system_finds_it(monkeypatch, tmp_path):
    """As `PYTHONPYCACHEPREFIX` wants it."""
    before = list(sys.meta_path)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    with BytecodeFinder():
        assert before == sys.meta_path


IN_A_CHILD = """
import importlib.util, os, sys
os.stat(sys.argv[1])
loaded = [name for name, one in sys.modules.items() if getattr(one, "__spec__", None)]  # from a file
ours = [name for name in loaded if name.startswith("pytest_fsfault.")]
assert len(ours) > 20, ours
assert not [one for one in sys.meta_path if type(one).__module__.endswith("bytecode")], sys.meta_path
for name in ours:
    module = sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, module.__file__)
    told = [module.__name__, module.__package__, module.__cached__, module.__spec__.cached]
    package = getattr(module, "__path__", None)
    assert told == [name, name if package else name.rpartition(".")[0], spec.cached, spec.cached], told
    assert package is None or package == [os.path.dirname(module.__file__)], package
print("the same")
"""


@pytest.mark.parametrize("flags", [[], ["-B"], ["-O"], ["-I"]], ids=" ".join)
def test_a_child_has_the_modules_of_the_import_system(tmp_path, flags):
    """Whatever its interpreter does with bytecode."""
    with inject("os.rmdir -> EACCES or never", roots=[tmp_path], native=False):
        done = subprocess.run(
            [sys.executable, *flags, "-c", IN_A_CHILD, tmp_path], capture_output=True, text=True, check=False
        )
    assert ("the same\n", "") == (done.stdout, done.stderr)
