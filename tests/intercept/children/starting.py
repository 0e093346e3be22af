"""Start Python child processes in every way that there is, and let each do the same to one file."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
import venv
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from skips import WINDOWS, WINE, posix_fact

#: What each child does: it moves a file, and tries again a second later, up to nine times.
MOVE = """
import os, sys, time
path = sys.argv[1]
for attempt in range(10):
    try:
        os.replace(path, path + ".new")
        break
    except PermissionError as error:
        assert (5, 13) == (error.winerror, error.errno), error
        time.sleep(1)
"""


def move(path):
    """Do the same as a function, which a pool can call."""
    for _ in range(10):
        try:
            os.replace(path, f"{path}.new")
        except PermissionError as error:
            assert (5, 13) == (error.winerror, error.errno), error
            time.sleep(1)
        else:
            return os.getpid()
    return None


def run(arguments, **options):
    """Run a program to its end; it must succeed, and say nothing."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def _interpreter(*flags):
    return lambda path: run([sys.executable, *flags, "-c", MOVE, path])


def _script(path):
    script = Path(path).with_suffix(".script")
    script.write_text(f"#!{sys.executable}\n{MOVE}")
    script.chmod(0o755)
    run([str(script), path])


def _module(path):
    Path(path).with_name("mover.py").write_text(MOVE)
    run(
        [sys.executable, "-m", "mover", path],
        cwd=os.path.dirname(path),
        env=os.environ | {"PYTHONSAFEPATH": ""},
    )


def _grandchild(path):
    code = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)"
    run([sys.executable, "-c", code, "-c", MOVE, path])


def _shell(path):
    run(
        '"$PY" -c "$MOVE" "$FILE"',
        shell=True,
        env={**os.environ, "PY": sys.executable, "MOVE": MOVE, "FILE": path},
    )


def _copied_environment(path):
    run([sys.executable, "-c", MOVE, path], env=os.environ | {"MORE": "1"})


def _system(path):
    Path(path).with_name("mover.py").write_text(MOVE)
    assert os.system(f"{sys.executable} {Path(path).with_name('mover.py')} {path}") == 0


def _spawned(path):
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", MOVE, path], os.environ)
    assert os.waitpid(child, 0)[1] == 0


def _spawned_by_os(path):
    Path(path).with_name("mover.py").write_text(MOVE)
    mover = str(Path(path).with_name("mover.py"))
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, mover, path]) == 0


def _forked(path):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if move(path) else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def _forked_by_a_child(path):
    code = f"import os\nif os.fork():\n    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\n{MOVE}"
    run([sys.executable, "-c", code, path])


def _process(method):
    def start(path):
        child = multiprocessing.get_context(method).Process(target=move, args=(path,))
        child.start()
        child.join()
        assert child.exitcode == 0
        child.close()

    return start


def _pool(method):
    def start(path):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            assert pool.submit(move, path).result() not in (None, os.getpid())

    return start


def environment(path):
    """Make an environment that has neither this package nor pytest, and return its interpreter."""
    if not WINDOWS:
        venv.create(path, with_pip=False)
        return str(path / "bin" / "python")
    if not WINE:
        venv.create(path, with_pip=False)
        return str(path / "Scripts" / "python.exe")
    # There is no launcher to copy: an interpreter with a `pyvenv.cfg` beside it is an environment as well.
    (path / "Lib" / "site-packages").mkdir(parents=True)
    (path / "Scripts").mkdir()
    home = Path(sys.base_prefix)
    for file in (home / "python.exe", *home.glob("*.dll")):
        shutil.copy(file, path / "Scripts")
    (path / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    return str(path / "Scripts" / "python.exe")


#: Each way to start a Python that faults reach, by its name.
WAYS = {
    "subprocess": _interpreter(),
    "subprocess -E": _interpreter("-E"),
    "subprocess -I": _interpreter("-I"),
    "subprocess -P": _interpreter("-P"),
    "subprocess -s": _interpreter("-s"),
    "subprocess -B -X utf8": _interpreter("-B", "-X", "utf8"),
    "warnings are errors": _interpreter("-W", "error", "-X", "dev"),
    "a script": _script,
    "a module": _module,
    "a child of a child": _grandchild,
    "a shell in between": _shell,
    "a copied environment": _copied_environment,
    "os.system": _system,
    "os.posix_spawn": _spawned,
    "os.spawnv": _spawned_by_os,
    "os.fork": _forked,
    "os.fork in a child": _forked_by_a_child,
    "Process by fork": _process("fork"),
    "Process by spawn": _process("spawn"),
    "Process by forkserver": _process("forkserver"),
    "pool by fork": _pool("fork"),
    "pool by spawn": _pool("spawn"),
    "pool by forkserver": _pool("forkserver"),
}

_FORKS = (
    "os.fork",
    "os.fork in a child",
    "Process by fork",
    "Process by forkserver",
    "pool by fork",
    "pool by forkserver",
)
#: The ways that only POSIX has.
LEFT = {
    **dict.fromkeys(_FORKS, posix_fact("os.fork")),
    "os.posix_spawn": posix_fact("os.posix_spawn"),
    "a script": posix_fact("a script that is a program"),
    "a shell in between": posix_fact("the language of sh"),
}
