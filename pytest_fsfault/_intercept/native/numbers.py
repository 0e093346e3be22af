"""The system calls that are asked about: their numbers, the shapes of their arguments, and what they are for us.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, include/uapi/asm-generic/unistd.h of Linux;
a test compares them with the headers of the machine, where it has them.
"""

from __future__ import annotations

from pytest_fsfault._core.language.rows import Row


class Shape(Row):
    """What one system call is: the operation that it stands for, and its arguments in order.

    The letters: ``p`` a path; ``d`` the directory descriptor of the path that follows; ``D`` the descriptor of a
    file; ``s`` the content of a symbolic link; ``f`` flags; ``m`` a mode; ``h`` the address of a `struct open_how`;
    ``.`` anything else.
    """

    operation: str
    arguments: str


#: What changes a tree, always asked about.
CHANGES: dict[str, Shape] = {
    "open": Shape("os.open", "pfm"),
    "openat": Shape("os.open", "dpfm"),
    "openat2": Shape("os.open", "dph"),
    "creat": Shape("os.open", "pm"),
    "rename": Shape("os.replace", "pp"),
    "renameat": Shape("os.replace", "dpdp"),
    "renameat2": Shape("os.replace", "dpdpf"),
    "unlink": Shape("os.remove", "p"),
    "unlinkat": Shape("os.remove", "dpf"),
    "rmdir": Shape("os.rmdir", "p"),
    "mkdir": Shape("os.mkdir", "pm"),
    "mkdirat": Shape("os.mkdir", "dpm"),
    "link": Shape("os.link", "pp"),
    "linkat": Shape("os.link", "dpdpf"),
    "symlink": Shape("os.symlink", "sp"),
    "symlinkat": Shape("os.symlink", "sdp"),
    "chmod": Shape("os.chmod", "pm"),
    "fchmod": Shape("os.chmod", "Dm"),
    "fchmodat": Shape("os.chmod", "dpm"),
    "fchmodat2": Shape("os.chmod", "dpmf"),
    "truncate": Shape("os.truncate", "p."),
    "ftruncate": Shape("os.truncate", "D"),
    "utime": Shape("os.utime", "p"),
    "utimes": Shape("os.utime", "p"),
    "futimesat": Shape("os.utime", "dp"),
    "utimensat": Shape("os.utime", "dp.f"),
    "copy_file_range": Shape("os.copy_file_range", "D.D"),
    "sendfile": Shape("os.sendfile", "DD"),
    "ioctl": Shape("os.copy_file_range", "D.D"),  # FICLONE and FICLONERANGE alone
}

#: What is asked about only if a rule speaks of it, or a scanner waits for it.
ON_DEMAND: dict[str, Shape] = {
    "write": Shape("os.write", "D"),
    "writev": Shape("os.write", "D"),
    "pwrite64": Shape("os.write", "D"),
    "pwritev": Shape("os.write", "D"),
    "pwritev2": Shape("os.write", "D"),
    "fallocate": Shape("os.write", "D"),
    "fsync": Shape("os.fsync", "D"),
    "fdatasync": Shape("os.fsync", "D"),
    "close": Shape("os.close", "D"),
}

#: What no rule speaks of, asked about only if changes outside the roots are refused: as what such a change is told.
GUARDED: dict[str, Shape] = {
    "mknod": Shape("os.open", "pm"),
    "mknodat": Shape("os.open", "dpm"),
    "chown": Shape("os.chmod", "p"),
    "lchown": Shape("os.chmod", "p"),
    "fchown": Shape("os.chmod", "D"),
    "fchownat": Shape("os.chmod", "dp..f"),
    "setxattr": Shape("os.chmod", "p"),
    "lsetxattr": Shape("os.chmod", "p"),
    "fsetxattr": Shape("os.chmod", "D"),
    "removexattr": Shape("os.chmod", "p"),
    "lremovexattr": Shape("os.chmod", "p"),
    "fremovexattr": Shape("os.chmod", "D"),
}

#: Those among them that change a link itself.
OF_LINKS = frozenset({"lchown", "lsetxattr", "lremovexattr"})

#: After one of these the caller no longer sees the file system as this process does: let through, and noted.
ESTRANGING = frozenset({"unshare", "setns", "chroot", "pivot_root", "landlock_restrict_self"})

#: After one of these the caller may have other rights: let through, and noted.
RIGHTS = frozenset(
    {
        "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups",
        "capset",
    }
)  # fmt: skip

SHAPES = {**CHANGES, **ON_DEMAND, **GUARDED}

_X86_64 = {
    "open": 2, "openat": 257, "openat2": 437, "creat": 85, "rename": 82, "renameat": 264, "renameat2": 316,
    "unlink": 87, "unlinkat": 263, "rmdir": 84, "mkdir": 83, "mkdirat": 258, "link": 86, "linkat": 265,
    "symlink": 88, "symlinkat": 266, "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452,
    "truncate": 76, "ftruncate": 77, "utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280,
    "copy_file_range": 326, "sendfile": 40, "ioctl": 16, "write": 1, "writev": 20, "pwrite64": 18,
    "pwritev": 296, "pwritev2": 328, "fsync": 74, "fdatasync": 75, "close": 3, "unshare": 272, "setns": 308,
    "chroot": 161, "pivot_root": 155, "landlock_restrict_self": 446, "io_uring_setup": 425, "seccomp": 317,
    "fallocate": 285, "mknod": 133, "mknodat": 259, "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260,
    "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199,
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setresuid": 117, "setresgid": 119, "setfsuid": 122, "setfsgid": 123, "setgroups": 116, "capset": 126,
}  # fmt: skip

_I386 = {
    "open": 5, "openat": 295, "openat2": 437, "creat": 8, "rename": 38, "renameat": 302, "renameat2": 353,
    "unlink": 10, "unlinkat": 301, "rmdir": 40, "mkdir": 39, "mkdirat": 296, "link": 9, "linkat": 303,
    "symlink": 83, "symlinkat": 304, "chmod": 15, "fchmod": 94, "fchmodat": 306, "fchmodat2": 452,
    "truncate": 92, "ftruncate": 93, "truncate64": 193, "ftruncate64": 194, "utime": 30, "utimes": 271,
    "futimesat": 299, "utimensat": 320, "utimensat_time64": 412, "copy_file_range": 377, "sendfile": 187,
    "sendfile64": 239, "ioctl": 54, "write": 4, "writev": 146, "pwrite64": 181, "pwritev": 334,
    "pwritev2": 379, "fsync": 118, "fdatasync": 148, "close": 6, "unshare": 310, "setns": 346, "chroot": 61,
    "pivot_root": 217, "landlock_restrict_self": 446, "io_uring_setup": 425, "seccomp": 354,
    "fallocate": 324, "mknod": 14, "mknodat": 297, "chown": 182, "fchown": 95, "lchown": 16, "fchownat": 298,
    "chown32": 212, "fchown32": 207, "lchown32": 198,
    "setxattr": 226, "lsetxattr": 227, "fsetxattr": 228, "removexattr": 235, "lremovexattr": 236, "fremovexattr": 237,
    "setuid": 23, "setgid": 46, "setreuid": 70, "setregid": 71, "setresuid": 164, "setresgid": 170, "setfsuid": 138, "setfsgid": 139, "setgroups": 81, "capset": 185, "setuid32": 213, "setgid32": 214, "setreuid32": 203, "setregid32": 204, "setresuid32": 208, "setresgid32": 210, "setfsuid32": 215, "setfsgid32": 216, "setgroups32": 206,
}  # fmt: skip

_AARCH64 = {
    "openat": 56, "openat2": 437, "renameat": 38, "renameat2": 276, "unlinkat": 35, "mkdirat": 34,
    "linkat": 37, "symlinkat": 36, "fchmod": 52, "fchmodat": 53, "fchmodat2": 452, "truncate": 45,
    "ftruncate": 46, "utimensat": 88, "copy_file_range": 285, "sendfile": 71, "ioctl": 29, "write": 64,
    "writev": 66, "pwrite64": 68, "pwritev": 70, "pwritev2": 287, "fsync": 82, "fdatasync": 83, "close": 57,
    "unshare": 97, "setns": 268, "chroot": 51, "pivot_root": 41, "landlock_restrict_self": 446,
    "io_uring_setup": 425, "seccomp": 277,
    "fallocate": 47, "mknodat": 33, "fchown": 55, "fchownat": 54,
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
    "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setresuid": 147, "setresgid": 149, "setfsuid": 151, "setfsgid": 152, "setgroups": 159, "capset": 91,
}  # fmt: skip

# Where the 32-bit table has a second call for one thing.
_SAME = {
    "truncate64": "truncate",
    "ftruncate64": "ftruncate",
    "utimensat_time64": "utimensat",
    "sendfile64": "sendfile",
    **{f"{name}32": name for name in (*RIGHTS, "chown", "fchown", "lchown")},
}


class Table(Row):
    """The calls of one kind of program: the `AUDIT_ARCH_*` by which the kernel names it, and their numbers."""

    arch: int
    numbers: dict[str, int]

    def wanted(self, names: frozenset[str]) -> list[tuple[str, int]]:
        """Return those of `names` that there are, each with its number."""
        found = [(_SAME.get(name, name), number) for name, number in self.numbers.items()]
        return [(name, number) for name, number in found if name in names]

    def names(self) -> dict[int, str]:
        """Return the name of each number, as `SHAPES` knows it."""
        return {number: _SAME.get(name, name) for name, number in self.numbers.items()}


#: By the name of the machine, as `platform.machine()` gives it: the table of its programs, then of its 32-bit ones.
MACHINES: dict[str, tuple[Table, ...]] = {
    "x86_64": (Table(0xC000003E, _X86_64), Table(0x40000003, _I386)),
    "aarch64": (Table(0xC00000B7, _AARCH64),),
}

#: The bit that marks a number as one of the x32 ABI, whose calls are those of x86-64.
X32_BIT = 0x40000000

#: Of `ioctl`, the requests that copy a file's content: include/uapi/linux/fs.h.
FICLONE, FICLONERANGE = 0x40049409, 0x4020940D

#: The directory descriptor that stands for the current directory: include/uapi/linux/fcntl.h.
AT_FDCWD = -100


def signed(value: int) -> int:
    """Return an argument as the `int` that the kernel takes it for."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
