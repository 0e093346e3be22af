"""uv is a native program, and meets the same rules, scanners and sweeps: on Linux, where it is on the path.

The Unix build is not the Windows build: what is shown are its steps and their order, not its retries on Windows.
"""

import sys

import pytest

from .uv import UV, UvError, install, library_loaded, make_environment, uninstall

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="POSIX fact: native programs are reached on Linux"),
    pytest.mark.skipif(UV is None, reason="uv is not on the path"),
]


@pytest.mark.fsfault("rename to **/archive-v0/* -> ERROR_ACCESS_DENIED when first 2")
def test_a_rule_refuses_the_rename_into_the_cache(tmp_path):
    make_environment(tmp_path)
    for _ in range(2):
        with pytest.raises(
            UvError, match=r"(?s)failed to rename file from .*Permission denied \(os error 13\)"
        ):
            install(tmp_path)
    install(tmp_path)


@pytest.mark.fsfault(windows="11")
def test_a_scanner_refuses_it_without_any_rule(tmp_path, fsfault):
    make_environment(tmp_path)
    fsfault.windows().scanner("defender", hold="1s..2s")
    with pytest.raises(UvError, match="failed to rename file from"):
        install(tmp_path)


@pytest.mark.fsfault(windows="11")
def test_an_uninstall_while_another_python_has_the_library_loaded(tmp_path):
    """The first one stops half-way; from then on there is no uninstalling it."""
    prepare(tmp_path)
    with library_loaded(tmp_path), pytest.raises(UvError, match=r"(?s)failed to remove file.*core\.so"):
        uninstall(tmp_path)
    for _ in range(2):
        with pytest.raises(UvError, match="`RECORD` file not found"):
            uninstall(tmp_path)


def prepare(tree):
    make_environment(tree)
    install(tree)


def sweep(fsfault, prepare, body, **keywords):
    for trial in fsfault.sweep(prepare, persist=False, expect=UvError, **keywords):
        with trial as tree:
            body(tree)
        trial.check_rerun(body)


def test_a_sweep_shows_where_an_uninstall_cannot_be_run_again(fsfault):
    """After RECORD has gone, whatever is refused or killed leaves a package that stays for ever."""
    with pytest.raises(AssertionError, match="`RECORD` file not found"):
        sweep(fsfault, prepare, uninstall, faults=["ERROR_ACCESS_DENIED", "crash"], operations="delete")


def test_a_sweep_shows_where_half_an_installation_is_called_complete(fsfault):
    """A link into the environment is refused: the second run says that all is there, and it is not."""
    with pytest.raises(AssertionError, match="a second run does not reach the new tree"):
        sweep(fsfault, make_environment, install, faults=["ERROR_ACCESS_DENIED"], operations="os.link")
