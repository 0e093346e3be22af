"""Which function of `os`, `io` and `shutil` is which operation, and why the others are none."""

from __future__ import annotations

from typing import Literal

from pytest_fsfault._core.language.rows import Row

#: What the arguments of a function look like.
Shape = Literal["path", "two paths", "open", "descriptor", "two descriptors"]


class InterceptedFunction(Row):
    """One intercepted function."""

    module: str
    function: str
    operation: str
    shape: Shape
    event: str | None = None  # the audit event (PEP 578) that it raises first, if any


def _os(
    function: str, shape: Shape = "path", *, event: str | None = None, operation: str = ""
) -> InterceptedFunction:
    return InterceptedFunction("os", function, operation or f"os.{function}", shape, event)


def _shutil(function: str, shape: Shape = "path", *, event: bool = True) -> InterceptedFunction:
    name = f"shutil.{function}"
    return InterceptedFunction("shutil", function, name, shape, name if event else None)


#: Every function that is intercepted. One that this Python or this system lacks is passed over.
FUNCTIONS = (
    InterceptedFunction("io", "open", "open", "open", "open"),
    _os("rename", "two paths", event="os.rename"),
    _os("replace", "two paths", event="os.rename"),
    _os("remove", event="os.remove"),
    _os("unlink", event="os.remove", operation="os.remove"),
    _os("rmdir", event="os.rmdir"),
    _os("mkdir", event="os.mkdir"),
    _os("open", event="open"),
    _os("stat"),
    _os("lstat"),
    _os("access"),
    _os("listdir", event="os.listdir"),
    _os("scandir", event="os.scandir"),
    _os("chmod", event="os.chmod"),
    _os("lchmod", event="os.chmod", operation="os.chmod"),
    _os("fchmod", "descriptor", event="os.chmod", operation="os.chmod"),
    _os("utime", event="os.utime"),
    _os("truncate", event="os.truncate"),
    _os("ftruncate", "descriptor", event="os.truncate", operation="os.truncate"),
    _os("link", "two paths", event="os.link"),
    _os("symlink", "two paths", event="os.symlink"),
    _os("readlink"),
    _os("chdir", event="os.chdir"),
    _os("fchdir", "descriptor", event="os.chdir", operation="os.chdir"),
    _os("read", "descriptor"),
    _os("readv", "descriptor", operation="os.read"),
    _os("readinto", "descriptor", operation="os.read"),
    _os("pread", "descriptor", operation="os.read"),
    _os("preadv", "descriptor", operation="os.read"),
    _os("write", "descriptor"),
    _os("writev", "descriptor", operation="os.write"),
    _os("pwrite", "descriptor", operation="os.write"),
    _os("pwritev", "descriptor", operation="os.write"),
    _os("fsync", "descriptor"),
    _os("fdatasync", "descriptor", operation="os.fsync"),
    _os("close", "descriptor"),
    _os("sendfile", "two descriptors"),
    _os("copy_file_range", "two descriptors"),
    _shutil("copyfile", "two paths"),
    _shutil("copy", "two paths", event=False),
    _shutil("copy2", "two paths", event=False),
    _shutil("copytree", "two paths"),
    _shutil("copystat", "two paths"),
    _shutil("copymode", "two paths"),
    _shutil("move", "two paths"),
    _shutil("rmtree"),
    _shutil("make_archive"),
    _shutil("unpack_archive"),
    _shutil("disk_usage", event=False),
    _shutil("chown"),
)

#: Operations on classes, which cannot be exchanged without breaking ``isinstance``: the audit hook has them.
EVENTS_ONLY = {"mmap.__new__": "mmap.mmap", "subprocess.Popen": "subprocess.Popen"}

#: Calls on the objects that `open` returns.
FILE_OPERATIONS = ("file.read", "file.write", "file.flush", "file.truncate", "file.close")

_REASONS = {
    "made of operations in the table, which are met one by one": (
        "os: makedirs removedirs renames walk fwalk fdopen popen",
        "shutil: copyfileobj which",
        "io: open_code",
    ),
    "asks about a descriptor or moves its position; no open handle can refuse it": (
        "os: fstat fstatvfs fpathconf lseek dup dup2 isatty get_blocking set_blocking get_inheritable set_inheritable",
        "os: get_handle_inheritable set_handle_inheritable posix_fadvise device_encoding ttyname lockf closerange",
        "os: grantpt unlockpt ptsname posix_openpt openpty login_tty pipe pipe2 eventfd eventfd_read eventfd_write",
        "os: memfd_create timerfd_create timerfd_gettime timerfd_gettime_ns timerfd_settime timerfd_settime_ns",
        "os: pidfd_open splice posix_fallocate tcgetpgrp tcsetpgrp fchown",
    ),
    "asks about the volume, not about a file": (
        "os: statvfs pathconf sync listdrives listmounts listvolumes",
    ),
    "Windows has nothing like it, and installers do not use it": (
        "os: chown lchown chflags lchflags chroot mkfifo mknod getxattr setxattr listxattr removexattr pivot_root",
        "os: setns unshare",
    ),
    "starts or replaces a program; `subprocess.Popen` is the operation": (
        "os: execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve",
        "os: spawnvp spawnvpe posix_spawn posix_spawnp system startfile fork forkpty",
    ),
    "computes on names, without a look at any file": (
        "os: fspath fsencode fsdecode getcwd getcwdb get_exec_path getenv getenvb putenv unsetenv reload_environ",
        "shutil: get_archive_formats get_unpack_formats register_archive_format register_unpack_format",
        "shutil: unregister_archive_format unregister_unpack_format ignore_patterns get_terminal_size",
        "io: text_encoding",
    ),
    "an exception or a class of records": (
        "os: error stat_result statvfs_result terminal_size times_result uname_result waitid_result sched_param",
        "os: DirEntry PathLike GenericAlias Mapping MutableMapping",
        "shutil: Error ExecError ReadError RegistryError SameFileError SpecialFileError",
        "io: BlockingIOError UnsupportedOperation",
    ),
    "a class of file objects: `open` makes them, and `file.*` are the operations": (
        "io: FileIO BufferedReader BufferedWriter BufferedRandom BufferedRWPair TextIOWrapper BytesIO StringIO",
        "io: IOBase RawIOBase BufferedIOBase TextIOBase IncrementalNewlineDecoder Reader Writer",
    ),
    "about processes, users, terminals or the machine": (
        "os: abort add_dll_directory confstr cpu_count process_cpu_count ctermid getegid geteuid getgid getgrouplist",
        "os: getgroups getloadavg getlogin getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid",
        "os: getsid getuid get_terminal_size initgroups kill killpg major makedev minor nice plock register_at_fork",
        "os: sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getparam sched_getscheduler",
        "os: sched_rr_get_interval sched_setaffinity sched_setparam sched_setscheduler sched_yield setegid seteuid",
        "os: setgid setgroups setpgid setpgrp setpriority setregid setresgid setresuid setreuid setsid setuid",
        "os: strerror sysconf times umask uname urandom wait wait3 wait4 waitid waitpid waitstatus_to_exitcode",
        "os: WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG cpu_count",
    ),
}


def reasons() -> dict[tuple[str, str], str]:
    """Return why a public name of these modules is not an operation: ``{("os", "walk"): reason}``."""
    return {
        (module, name): reason
        for reason, lists in _REASONS.items()
        for module, names in (entry.split(": ") for entry in lists)
        for name in names.split()
    }
