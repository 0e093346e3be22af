"""What differs between the versions of Windows, as far as installers can tell."""

from __future__ import annotations

from typing import Any

from pytest_fsfault._core.language.frozen import dataclass, replace
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._windows.sharing import ALL, READ, WRITE

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


@dataclass(frozen=True)
class Version:
    """One version of Windows, with the options that a machine's owner may set.

    `posix_delete`: a deleted name is gone at once, although handles are open (NTFS from build 18362 on:
        dotnet/corefx#38186, git for Windows 69ed0e35; not Server 2019, golang/go#78072 and erlang/otp#10053;
        for Server 2022 two reports speak against it: not verified).
    `deletes_mapped`: with POSIX deletion a file that is only mapped, without a handle, may be deleted: so on 11
        (git for Windows 69ed0e35); Server 2022 answers 5 (RazrFalcon/memmap2-rs#108,
        mapbox/mapnik#4268; for 10 there are reports of 5 as well, for Server 2025 none at all: not verified).
    `posix_rename`: a file is replaced although it is open, for who asks and if all share deletion (10 1709;
        Microsoft, FILE_RENAME_POSIX_SEMANTICS).
    `bare_devices`: names such as ``nul`` mean a device only where they stand alone (Windows 11;
        python/cpython#95486).
    `long_paths`: no limit of 260 characters (the policy, and a Python with the manifest).
    `developer_mode`: symbolic links need no privilege (1703 on).
    `target_directory_share`: what a rename or a new hard link shares of the directory that gets the name:
        deletion too from 11 22H2 (build 22621) on (python/cpython#120883, samba smb2/rename.c, MS-FSA 2.1.5.15.6).
    """

    name: str
    posix_delete: bool = True
    deletes_mapped: bool = True
    posix_rename: bool = True
    bare_devices: bool = False
    long_paths: bool = True
    developer_mode: bool = False
    case_sensitive: bool = False
    target_directory_share: int = READ | WRITE


VERSIONS = {
    version.name: version
    for version in (
        Version("7", posix_delete=False, posix_rename=False, long_paths=False),
        Version("server-2019", posix_delete=False),
        Version("10"),
        Version("server-2022", deletes_mapped=False),
        Version("11", bare_devices=True, target_directory_share=ALL),
        Version("server-2025", bare_devices=True, target_directory_share=ALL),
    )
}
OPTIONS = ("posix_delete", "long_paths", "developer_mode", "case_sensitive")


def version(name: str, options: dict[str, Any]) -> Version:
    """Return the version of that name with its options; refuse what does not exist."""
    if not isinstance(name, str) or name not in VERSIONS:
        known = ", ".join(map(repr, list(VERSIONS)[:-1])) + f" or {list(VERSIONS)[-1]!r}"
        hint = nearest(str(name), VERSIONS) if isinstance(name, (str, int)) else ""
        raise FsFaultError(f"windows={name!r} is not a known version of Windows; write {known}{hint}")
    for option, value in options.items():
        if option not in OPTIONS:
            known = f"{', '.join(OPTIONS[:-1])} or {OPTIONS[-1]}"
            raise FsFaultError(
                f"windows() has no option {option!r}{nearest(option, OPTIONS) or f'; write {known}'}"
            )
        if not isinstance(value, bool):
            raise FsFaultError(f"{option}={value!r} is not valid; write {option}=True or {option}=False")
    return replace(VERSIONS[name], **options) if options else VERSIONS[name]
