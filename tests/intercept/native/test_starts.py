"""However a program is started, its calls are met, and it is started as ever."""

import asyncio
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from pytest_fsfault import inject
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._intercept.native.launch import Launch

pty = pytest.importorskip("pty", reason="POSIX fact: a terminal made by pty", exc_type=ImportError)

REAL_SYSTEM = os.system
RULE = "os.remove *.x -> EBUSY when once"


def _rm(path):
    return ["rm", str(path)]


def _by_asyncio(path, *, shell=False):
    async def main():
        if shell:
            process = await asyncio.create_subprocess_shell(f"rm {path}", stderr=-3)
        else:
            process = await asyncio.create_subprocess_exec(*_rm(path), stderr=-3)
        return await process.wait()

    return asyncio.run(main())


def _by_fork(path):
    process = os.fork()
    if process == 0:
        os.execvp("rm", _rm(path))
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _by_posix_spawn(path, spawn=os.posix_spawnp, **options):
    # Looked up when it is called: a name that is bound early is another matter.
    process = getattr(os, spawn.__name__)("/bin/rm", _rm(path), os.environ, **options)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _child(path, code):
    os._exit(subprocess.run([*_rm(path)], stderr=-3, check=False).returncode + code)


def _by_multiprocessing(path, way):
    process = multiprocessing.get_context(way).Process(target=_child, args=(path, 10))
    process.start()
    process.join()
    # Its helpers would be children of all tests to come.
    for module, helper in (("forkserver", "_forkserver"), ("resource_tracker", "_resource_tracker")):
        getattr(getattr(sys.modules.get(f"multiprocessing.{module}"), helper, None), "_stop", int)()
    return process.exitcode - 10


def _by_popen(path):
    with os.popen(f"rm {path} 2>&1") as pipe:
        pipe.read()
        return os.waitstatus_to_exitcode(pipe.close() or 0)


def _by_pty(path):
    # As a program closes its terminal at its end, `pty.spawn` hangs up, and the kernel may report that signal.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return os.waitstatus_to_exitcode(pty.spawn(_rm(path), lambda fd: os.read(fd, 999)))
    finally:
        signal.signal(signal.SIGHUP, before)


def _by_a_daemon(path):
    subprocess.run(
        ["sh", "-c", f"(setsid sh -c 'rm {path}; echo $? > {path}.code' &) </dev/null"], check=True
    )
    until = time.monotonic() + 20
    while not os.path.exists(f"{path}.code") or not os.path.getsize(f"{path}.code"):
        assert time.monotonic() < until
    with open(f"{path}.code", encoding="ascii") as file:
        return int(file.read())


WAYS = {
    "subprocess": lambda path: subprocess.run(_rm(path), check=False).returncode,
    "shell": lambda path: subprocess.run(f"rm {path}", shell=True, check=False).returncode,
    "close_fds=False": lambda path: subprocess.run(_rm(path), close_fds=False, check=False).returncode,
    "posix_spawn by subprocess": lambda path: (
        subprocess.run(["/bin/rm", str(path)], close_fds=False, check=False).returncode
    ),
    "preexec_fn": lambda path: subprocess.run(_rm(path), preexec_fn=os.setpgrp, check=False).returncode,
    "os.system": lambda path: os.waitstatus_to_exitcode(os.system(f"rm {path}")),
    "os.popen": _by_popen,
    "os.posix_spawn": lambda path: _by_posix_spawn(path, os.posix_spawn),
    "os.posix_spawnp": _by_posix_spawn,
    "os.spawnlp": lambda path: os.spawnlp(os.P_WAIT, "rm", *_rm(path)),
    "os.fork": _by_fork,
    "pty.spawn": _by_pty,
    "asyncio": _by_asyncio,
    "asyncio shell": lambda path: _by_asyncio(path, shell=True),
    "multiprocessing by fork": lambda path: _by_multiprocessing(path, "fork"),
    "multiprocessing by spawn": lambda path: _by_multiprocessing(path, "spawn"),
    "multiprocessing by forkserver": lambda path: _by_multiprocessing(path, "forkserver"),
    "a thread": lambda path: _in_thread(lambda: subprocess.run(_rm(path), check=False).returncode),
    "a daemon": _by_a_daemon,
    "children of children": lambda path: (
        subprocess.run(["sh", "-c", f"sh -c 'sh -c \"rm {path}\"; exit $?'"], check=False).returncode
    ),
}


def _in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_start_a_program(root, way):
    """It meets the fault, and the next one does not; afterwards nothing of it is left."""
    path = root / "a.x"
    path.touch()
    with inject(RULE, roots=[root], strict="all") as fsfault:
        assert 1 == WAYS[way](path)
        for left in root.glob("*.code"):
            left.unlink()
        assert 0 == WAYS[way](path)
        assert ["raised", "ok"] == [entry.outcome for entry in fsfault.journal]
        assert {"rm"} == {entry.program for entry in fsfault.journal}
    assert not path.exists()


OPTIONS = {
    "nothing": {},
    "cwd": {"cwd": "/usr"},
    "env": {"env": {"PATH": os.environ["PATH"], "ONE": "1"}},
    "umask": {"umask": 0o027},
    "session": {"start_new_session": True},
    "group": {"process_group": 0},
    "no fds closed": {"close_fds": False},
    "signals kept": {"restore_signals": False},
    "user": {"user": 12345, "group": 12345, "extra_groups": [12346]},
    "preexec_fn": {"preexec_fn": lambda: os.nice(5)},
    "executable": {"executable": "/bin/cat"},
    "stdin": {"stdin": subprocess.DEVNULL},
}

# What differs from run to run, and the filter itself.
_PASSING = re.compile(
    r"^(?:Pid|Tgid|Ngid|NSpid|NStgid|NSpgid|NSsid|Vm\w+|Rss\w+|Huge\w+|\w*ctxt\w*|Seccomp\w*|SigQ|Spec\w+|x86\w+|Cpus\w+|Mems\w+|PPid)\b.*\n",
    re.MULTILINE,
)


@pytest.mark.parametrize("case", OPTIONS)
def test_a_program_is_started_as_ever(root, case):
    """Directory, variables, rights, session, priority, signals and descriptors are those of a start without us."""
    if case == "user" and os.geteuid() != 0:
        pytest.skip("for who may choose")
    found = []
    for native in (False, True):
        with inject(RULE.replace("once", "once or never"), roots=[root], native=native):
            options = OPTIONS[case]
            status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, check=True, **options)
            line = (
                "readlink /proc/self/cwd; cat /proc/self/stat | cut -d' ' -f19; ls /proc/self/fd; umask; env"
            )
            # Whose environment is a program's own, but for what its children need to find us.
            shell = subprocess.run(
                ["sh", "-c", line], capture_output=True, check=True, **{**options, "executable": None}
            )
        found.append((_PASSING.sub("", status.stdout.decode()), _variables(shell.stdout.decode())))
    assert found[0] == found[1]


def _variables(text):
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("FSFAULT_CHILD", "PYTHONPATH", "_="))
    )


def test_who_blocks_a_signal_starts_programs_that_do(root):
    """The mask of the thread that starts, not that of whoever helps it."""
    found = []
    for native in (False, True):
        with inject("os.remove -> EBUSY or never", roots=[root], native=native):
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
            try:
                told = subprocess.run(
                    ["grep", "SigBlk", "/proc/self/status"], capture_output=True, check=True
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            found.append(told.stdout)
    assert found[0] == found[1]
    assert int(found[0].split()[1], 16) & 1 << (signal.SIGUSR1 - 1)


def test_an_error_of_exec(root):
    """It comes as ever, in the line that starts the program."""
    with inject("os.remove -> EBUSY or never", roots=[root]):
        with pytest.raises(FileNotFoundError) as caught:
            subprocess.run([str(root / "nowhere")], check=False)
        assert str(root / "nowhere") == caught.value.filename
        (root / "text").write_text("no program")
        (root / "text").chmod(0o755)
        with pytest.raises(OSError, match="Exec format error"):
            subprocess.run([str(root / "text")], check=False)
        with pytest.raises(subprocess.SubprocessError, match="preexec_fn"):
            subprocess.run(["true"], preexec_fn=lambda: 1 / 0, check=False)


def test_pass_fds_and_pipes(root):
    """What is handed over arrives."""
    with inject("os.remove -> EBUSY or never", roots=[root]):
        here, there = os.pipe()
        with subprocess.Popen(["sh", "-c", f"echo hi > /proc/self/fd/{there}"], pass_fds=[there]):
            os.close(there)
            assert b"hi\n" == os.read(here, 10)
        os.close(here)
        assert (
            "abc" == subprocess.run(["cat"], input="abc", capture_output=True, text=True, check=True).stdout
        )


def test_a_program_with_a_deadline(root):
    """It is killed, though it waits for our answer, and the timeout is the virtual one."""
    with inject("os.mkdir -> delay 30s", roots=[root], strict=False) as fsfault:
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(["mkdir", root / "a"], timeout=0.3, check=False)
        assert fsfault.clock.now < 20
    assert not (root / "a").exists()


def test_reads_of_a_program_that_is_named_by_its_path_are_met(root):
    """`subprocess` would start it by posix_spawn(3), from Python 3.13 on, and does so again afterwards."""
    before = subprocess._USE_POSIX_SPAWN
    (root / "a").write_text("a")
    with inject("os.open a -> EACCES when once", roots=[root], strict="all"):
        for options in ({}, {"close_fds": False}):
            command = [shutil.which("cat"), root / "a"]
            done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
            assert ("Permission denied" in done.stderr) is not bool(options)
    assert before is subprocess._USE_POSIX_SPAWN


def test_a_thread_that_starts_something_in_the_moment_in_which_its_session_ends(tmp_path):
    """It is started all the same, without faults, since its calls are no longer answered; the next session answers its own."""
    file = tmp_path / "a.x"
    file.touch()
    with inject(RULE):
        assert 1 == WAYS["subprocess"](file)
        programs = interceptor().supervisor.programs
    launch = Launch("os.system", (), None, lambda _calm: REAL_SYSTEM(f"rm {file}"))
    with inject(RULE):
        assert (0, "no session of faults was left") == programs.start(launch, "here")
        assert not file.exists()
        file.touch()
        assert 1 == WAYS["subprocess"](file)
