"""However a Python child is started, it meets the plan of its parent."""

import contextlib
import gc
import os
import re
import subprocess
import sys
import time

import pytest
from skips import WINDOWS, marked, posix_fact

from pytest_fsfault import inject

from .starting import LEFT, MOVE, WAYS, environment, run

RULE = "os.replace *.whl -> ERROR_ACCESS_DENIED when first 3"


@pytest.mark.parametrize("way", marked(WAYS, LEFT))
def test_each_child_meets_the_plan(root, way):
    """Three refusals, three virtual seconds, and the fourth attempt; all of it in the journal of the parent."""
    (root / "a.whl").touch()
    with inject(RULE, roots=[root]) as fsfault:
        WAYS[way](str(root / "a.whl"))
        entries = fsfault.journal
        assert ["raised", "raised", "raised", "ok"] == [entry.outcome for entry in entries]
        assert {(root / "a.whl").as_posix()} == {entry.path for entry in entries}
        assert os.getpid() not in {entry.process for entry in entries}
        assert 1 == len({entry.process for entry in entries})
        assert [1.0, 1.0, 1.0] == fsfault.clock.slept
        fsfault.assert_retried("os.replace", attempts=4, within=3.0)
    assert (root / "a.whl.new").exists()


@pytest.mark.parametrize("place", ["root", "elsewhere"])
def test_an_interpreter_opens_its_script_below_a_root(place, root, tmp_path):
    """No frame makes that call; also when the environment is below a root, and has files of its own to load."""
    python = environment(tmp_path / place / "venv")
    (site,) = (tmp_path / place / "venv").glob("[Ll]ib/**/site-packages")
    (site / "sitecustomize.py").write_text("import os; os.stat(__file__)\n")
    (root / "script.py").write_text(MOVE)
    (root / "a.whl").touch()
    with inject(RULE, roots=[root], profile="observe") as fsfault:
        run([python, str(root / "script.py"), str(root / "a.whl")])
        moves = [entry.outcome for entry in fsfault.journal if entry.operation == "os.replace"]
        looked = [entry.path for entry in fsfault.journal if entry.operation == "os.stat"]
    assert ["raised", "raised", "raised", "ok"] == moves
    assert [(site / "sitecustomize.py").as_posix()] * (place == "root") == looked


def test_another_environment_is_reached(root, tmp_path):
    """One that has neither this package nor pytest."""
    python = environment(tmp_path / "venv")
    (root / "a.whl").touch()
    with inject(RULE, roots=[root], strict="all") as fsfault:
        run([python, "-c", MOVE, str(root / "a.whl")])
    assert 4 == len(fsfault.journal)


def test_the_sitecustomize_of_the_environment_has_its_turn(root, tmp_path, python):
    """Ours comes first on the path, and steps aside."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.flag_of_theirs = sys.path[:]\n")
    with inject("os.mkdir -> EACCES", roots=[root]):
        told = python(
            "import os, sys\nprint(sys.flag_of_theirs.count(sys.argv[2]), sum('boot' in p for p in sys.path))\n"
            "try: os.mkdir(sys.argv[1])\nexcept PermissionError: print('met')",
            root / "x",
            tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)])},
        )
    assert "1 0\nmet\n" == told


OUT_OF_REACH = {
    "-S": ([sys.executable, "-S", "-c", "pass"], {}, "with -S Python loads nothing of ours"),
    "no environment": (
        [sys.executable, "-c", "pass"],
        {"env": {}},
        "its environment lacks FSFAULT_CHILD; build it from a copy of os.environ",
    ),
}


@pytest.mark.parametrize("case", OUT_OF_REACH)
def test_what_is_out_of_reach_is_told(root, case):
    """With strict="all" it fails the test; the message says why, and where it was started."""
    arguments, options, reason = OUT_OF_REACH[case]
    with pytest.raises(AssertionError) as caught, inject(roots=[root], strict="all", native=False):
        subprocess.run(arguments, check=True, **options)
    shown = " ".join(arguments)
    line = caught.traceback[0].lineno + 2
    assert f"no fault reached `{shown}`, started at {__file__}:{line}: {reason}" == str(caught.value)


def test_another_environment_in_isolated_mode_is_told(root, tmp_path):
    """It sees neither our environment variables nor our package."""
    python = environment(tmp_path / "venv")
    with pytest.raises(AssertionError, match=r"with -I another environment sees nothing of ours$"):
        with inject(roots=[root], strict="all", native=False):
            subprocess.run([python, "-I", "-c", "pass"], check=True)


def test_a_rule_that_never_fired_says_who_was_out_of_reach(root):
    """The child would have met it."""
    (root / "a").touch()
    code = "import os, sys; os.remove(sys.argv[1])"
    with pytest.raises(
        AssertionError, match=r"never fired: .*\nno fault reached .* with -S Python loads nothing of ours"
    ):
        with inject("os.remove -> EACCES", roots=[root], native=False):
            subprocess.run([sys.executable, "-S", "-c", code, str(root / "a")], check=True)


ALONE = {
    "children=False": lambda _fsfault: contextlib.nullcontext(),
    "paused": lambda fsfault: fsfault.paused(),
}


@pytest.mark.parametrize(
    "way", marked(["subprocess", "os.fork", "Process by spawn", "Process by fork"], LEFT)
)
@pytest.mark.parametrize("case", ALONE)
def test_children_that_are_left_alone(root, case, way):
    """With children=False, and started while the faults are paused; their time is real then."""
    (root / "a.whl").touch()
    rule = "os.replace -> ERROR_ACCESS_DENIED or never"
    with inject(rule, roots=[root], children=case != "children=False") as fsfault:
        with ALONE[case](fsfault):
            WAYS[way](str(root / "a.whl"))
        assert 0 == len(fsfault.journal)
    assert (root / "a.whl.new").exists()


def test_an_environment_is_as_before(root, monkeypatch):
    """Whatever the test does to it meanwhile."""
    monkeypatch.setenv("PYTHONPATH", "theirs")
    before = dict(os.environ)
    with inject(roots=[root]):
        assert before != os.environ
        os.environ["PYTHONPATH"] += os.pathsep + "more"
    assert f"theirs{os.pathsep}more" == os.environ["PYTHONPATH"]
    assert before | {"PYTHONPATH": os.environ["PYTHONPATH"]} == os.environ


@posix_fact("/proc, and fork servers")
@pytest.mark.parametrize("way", ["subprocess", "os.fork", "pool by forkserver"])
def test_nothing_is_left(root, tmp_path, monkeypatch, way):
    """No file, no descriptor, no thread."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (root / "a.whl").touch()

    def mine():
        return len(os.listdir("/proc/self/task")), os.listdir(tmp_path)

    alone, _ = mine()
    with inject(RULE, roots=[root]):
        WAYS["pool by forkserver"](str(root / "a.whl"))  # its helpers live as long as this process
    os.rename(root / "a.whl.new", root / "a.whl")
    gc.collect()
    while mine()[0] > alone:
        time.sleep(0.001)  # those of the pool are ending
    before, descriptors = mine(), len(os.listdir("/proc/self/fd"))
    with inject(RULE, roots=[root]):
        WAYS[way](str(root / "a.whl"))
    gc.collect()
    assert before == mine()
    assert descriptors >= len(os.listdir("/proc/self/fd"))


@posix_fact("fork servers")
def test_a_fork_server_from_before_the_faults_is_replaced(root):
    """What it forks would be without faults, as it is itself."""
    (root / "a.whl").touch()
    WAYS["Process by forkserver"](str(root / "a.whl"))
    os.rename(root / "a.whl.new", root / "a.whl")
    sys.modules["multiprocessing.forkserver"]._forkserver._stop()
    WAYS["Process by forkserver"](str(root / "a.whl"))
    os.rename(root / "a.whl.new", root / "a.whl")
    with inject(RULE, roots=[root]) as fsfault:
        WAYS["Process by forkserver"](str(root / "a.whl"))
        assert 4 == len(fsfault.journal)


CALLS = {
    "rename": (
        "os",
        "rename",
        "args = [path, path + 'x']",
        "Path(path).rename(path + 'x')",
        None,
    ),
    "replace": ("os", "replace", "args = [path, path + 'x']", "Path(path).replace(path + 'x')", None),
    "remove": (
        "os",
        "remove",
        "args = [path]",
        "Path(path).unlink()",
        "shutil.rmtree(os.path.dirname(path))",
    ),
    "mkdir": ("os", "mkdir", "args = [path + 'd']", "Path(path + 'd').mkdir()", "os.makedirs(path + 'd/e')"),
    "open": ("io", "open", "args = [path]", "Path(path).read_text()", "shutil.copyfile(path, path + 'x')"),
    "os.open": (
        "os",
        "open",
        "args = [path, os.O_RDWR]",
        "os.fdopen(os.open(path, os.O_RDWR))",
        "tempfile.mkstemp(dir=os.path.dirname(path))",
    ),
}

STYLES = """
import sys
from {module} import {name} as early
{args_first}
class Holder:
    kept = staticmethod(early)
    bound = early
def default(*args, _call=early): return _call(*args)
def closure(call=None):
    call = early
    return lambda *args: call(*args)
table = {{"call": early}}
import asyncio, concurrent.futures, functools, os, shutil, tempfile, threading
import {module} as module
from pathlib import Path
path = sys.argv[1]
{args}
pool = concurrent.futures.ThreadPoolExecutor(1)
async def in_thread(): return await asyncio.to_thread(module.{name}, *args)
styles = dict(
    attribute=lambda: module.{name}(*args),
    early=lambda: early(*args),
    default=lambda: default(*args),
    closure=lambda: closure()(*args),
    partial=lambda: functools.partial(early, *args)(),
    table=lambda: table["call"](*args),
    static=lambda: Holder.kept(*args),
    attribute_of_a_class=lambda: Holder().bound(*args),
    mapped=lambda: list(map(early, *([one] for one in args))),
    pool=lambda: pool.submit(early, *args).result(),
    asyncio=lambda: asyncio.run(in_thread()),
    c=lambda: __import__(os.name if "{module}" == "os" else "_io").{name}(*args),
    pathlib=lambda: {pathlib},
    standard_library=lambda: {library},
)
for name, call in styles.items():
    try:
        call()
        print(name, "passed")
    except OSError as error:
        if error.errno != 30: print(name, error)
"""


@pytest.mark.parametrize(
    "late", [False, True], ids=["taken before anything else", "taken after a first call"]
)
@pytest.mark.parametrize("call", CALLS)
def test_however_a_child_has_bound_a_function(root, python, call, late):
    """The reach table, in a child: no way to call gets past, whenever the name was taken."""
    module, name, args, pathlib, library = CALLS[call]
    (root / "a").touch()
    code = STYLES.format(
        module=module, name=name, args=args, pathlib=pathlib, library=library, args_first="", kept="early"
    )  # fmt: skip
    if late:
        code = f"import os, sys\nos.listdir(os.path.dirname(sys.argv[1]))\n{code}"
    operations = {"rename": "rename", "replace": "rename", "remove": "delete", "mkdir": "os.mkdir"}.get(
        call, "open, os.open"
    )
    with inject(f"{operations} -> EROFS", roots=[root]):
        told = python(code, root / "a")
    assert ("standard_library passed\n" if library is None else "") == told


def test_what_a_child_starts_out_of_reach_is_told(root, python):
    """It tells its parent, with the line that started it."""
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', 'pass'], check=True)"
    with pytest.raises(AssertionError) as caught, inject(roots=[root], strict="all", native=False):
        python(code)
    told = f"no fault reached `{sys.executable} -S -c pass`, started at <string>:2: with -S Python loads nothing of ours"
    assert told == str(caught.value)


def test_what_startfile_starts_out_of_reach_is_told(root):
    """`os.startfile` of Windows tells of itself by these two events (CPython, Modules/posixmodule.c)."""
    tool = root / "tool"
    tool.write_text("#!/usr/bin/python3 -S\n")
    with pytest.raises(AssertionError) as caught, inject(roots=[root], strict="all"):
        sys.audit("os.startfile", str(tool), None)
        sys.audit("os.startfile/2", str(tool), None, None, None, 1)
    told = r"no fault reached `.*`, started at .*test_reach\.py:\d+: with -S Python loads nothing of ours"
    assert re.fullmatch(told, str(caught.value))


@pytest.mark.skipif(not WINDOWS, reason="only Windows has os.startfile")
def test_python_that_startfile_starts_meets_faults(root):
    """It is found by its arguments, which are one line."""
    told = root / "told"
    (root / "child.py").write_text(
        "import os\n"
        f"try: os.mkdir({str(root / 'bad')!r})\n"
        f"except OSError as error: open({str(told)!r}, 'w').write(str(error.errno))\n"
    )
    with inject("os.mkdir -> EROFS", roots=[root], strict="all", clock="real"):
        os.startfile(sys.executable, arguments=f'"{root / "child.py"}"')
        until = time.monotonic() + 60
        while not (told.exists() and told.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
    assert "30" == told.read_text()


def test_without_a_place_to_answer_children_are_alone(root, monkeypatch):
    """The programs run, and strict="all" tells once why no fault reached them."""
    from pytest_fsfault._intercept.children.parent import directory

    def fail(_path, _mode):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory, "_mkdir", fail)
    told = r"^no fault reaches child processes: \[Errno 28\] No space left on device$"
    with pytest.raises(AssertionError, match=told), inject(roots=[root], strict="all"):
        for _ in range(2):
            subprocess.run([sys.executable, "-c", "pass"], check=True)


FIRST = [
    "tempfile", "shutil", "logging", "asyncio", "multiprocessing", "glob", "random", "concurrent.futures", "zipfile",
    "pathlib", "socket", "inspect", "unittest", "typing", "dataclasses", "queue", "subprocess", "ctypes", "tarfile",
]  # fmt: skip
# Which modules are wrapped from their beginning depends on the session: their importers are half loaded then.
WRAPPED = ["tempfile", "zipfile", "importlib.resources", "logging", "queue"]


@pytest.mark.parametrize(
    ("module", "rules", "keywords"),
    [
        *((module, (), {}) for module in FIRST),
        *((module, ("shutil.move -> EIO or never",), {}) for module in WRAPPED),
        *((module, (), {"windows": "11"}) for module in WRAPPED),
    ],
)
def test_whatever_a_child_imports_first(root, python, module, rules, keywords):
    """No import of its own is half done when ours need what it imports."""
    with inject("os.mkdir -> EROFS", *rules, roots=[root], **keywords):
        told = python(
            f"import {module}, os, sys\ntry: os.mkdir(sys.argv[1])\nexcept OSError as error: print(error.errno)",
            root / "a",
        )
    assert "30\n" == told


@pytest.mark.parametrize("rules", [(), ("file.flush -> EIO when nth 9 or never",)], ids=["", "flushes"])
def test_a_file_that_is_open_to_the_very_end_gets_its_data(rules, root, python):
    """The interpreter clears our modules before such a file is closed."""
    code = "import sys; sys.kept = open(sys.argv[1], 'w'); sys.kept.write('text')"
    with inject(*rules, roots=[root], profile="observe"):
        told = python(code, root / "a")
    assert "" == told
    assert "text" == (root / "a").read_text()


def test_the_lowest_descriptor_is_free(root, python):
    """A program may count on the number of the file that it opens."""
    (root / "a").touch()
    code = "import os, sys; os.stat(sys.argv[1]); print(os.open(sys.argv[1], os.O_RDONLY))"
    plain = int(python(code, root / "a"))
    with inject(roots=[root], profile="observe") as fsfault:
        found = int(python(code, root / "a"))
        assert ["os.stat", "os.open"] == [entry.operation for entry in fsfault.journal]
    assert plain == found
