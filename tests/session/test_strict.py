"""No false green: what did not happen is told, with the nearest thing that did."""

# ruff: noqa: BLE001, SIM105  # how a call is written is what is tested here

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from skips import WINDOWS

from pytest_fsfault import RetryStorm, Rule, SimulatedCrash, inject


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Stand in a root with files."""
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    for name in ("a.dll", "b.dll", "c.dll", "d.exe"):
        Path(name).touch()
    return root


def verdict(act, *rules, root, **keywords):
    """Return what is said at the end of a block, None for nothing."""
    try:
        with inject(*rules, roots=[root], **keywords) as fsfault:
            act(fsfault)
    except AssertionError as error:
        return str(error)
    return None


def nothing(_):
    """Do nothing at all."""


def replace(*names):
    """Return an act that replaces each file by itself."""
    return lambda _: [os.replace(name, name) for name in names]


NEVER = [
    (
        "os.replace *.exe -> EBUSY",
        replace("a.dll", "b.dll", "c.dll"),
        "`os.replace *.exe` never fired: 3 calls of os.replace, on *.dll",
    ),
    (
        "os.replace *.exe -> EBUSY",
        replace("a.dll"),
        "`os.replace *.exe` never fired: 1 call of os.replace, on a.dll",
    ),
    (
        "os.replace e -> EBUSY",
        replace("a.dll", "d.exe", "a.dll"),
        "`os.replace e` never fired: 3 calls of os.replace, on a.dll, d.exe",
    ),
    (
        "os.replace d* to a* -> EBUSY",
        replace("d.exe"),
        "`os.replace d* to a*` never fired: 1 call of os.replace, to d.exe",
    ),
    (
        "os.replace -> EBUSY when nth 3",
        replace("a.dll", "b.dll"),
        "`os.replace` never fired: 2 matching calls, but `nth 3` needs at least 3",
    ),
    (
        "os.replace -> EBUSY when from 2",
        replace("a.dll"),
        "`os.replace` never fired: 1 matching call, but `from 2` needs at least 2",
    ),
    ("rename -> EBUSY", nothing, "`rename` never fired: no call of os.rename or os.replace below the roots"),
    ("mutate -> EBUSY", nothing, "`mutate` never fired: no call of mutate below the roots"),
    (
        "os.rename -> EBUSY",
        replace("a.dll"),
        "`os.rename` never fired: no call of os.rename below the roots, but 1 call of os.replace, on a.dll",
    ),
    (
        "os.rename -> EBUSY",
        lambda _: os.stat("a.dll"),
        "`os.rename` never fired: no call of os.rename below the roots, but 1 call of os.stat, on a.dll",
    ),
    (
        "os.stat x -> EBUSY",
        lambda _: os.stat(".."),
        "`os.stat x` never fired: os.stat met only paths outside the roots, such as {outside}; name their directory by roots=",
    ),
    (
        "os.stat x -> EBUSY",
        lambda _: os.stat(os.getcwd() + "/../"),
        "`os.stat x` never fired: os.stat met only paths outside the roots, such as {outside}; name their directory by roots=",
    ),
    (
        "os.replace -> EBUSY",
        lambda _: os.replace("../o", "../p"),
        "`os.replace` never fired: os.replace met only paths outside the roots, such as {outside}/o; name their directory by roots=",
    ),
    (
        "open -> EBUSY",
        lambda _: open(f"{os.path.dirname(os.getcwd())}/o").close(),
        "`open` never fired: open met only paths outside the roots, such as {outside}/o; name their directory by roots=",
    ),
    (
        "file.write -> EBUSY",
        lambda _: Path("a.dll").read_bytes(),
        "`file.write` never fired: no call of file.write below the roots, but 1 call of open, on a.dll",
    ),
    ("os.read -> EIO", nothing, "`os.read` never fired: no call of os.read below the roots"),
]


@pytest.mark.parametrize(("rule", "act", "message"), NEVER)
def test_a_rule_that_never_fired_is_told_with_the_nearest_thing(rule, act, message, tree):
    """A call of that operation; a schedule not reached; a path outside; a related operation; nothing."""
    (tree.parent / "o").touch()
    assert message.format(outside=tree.parent.as_posix()) == verdict(act, rule, root=tree)


def test_a_device_of_windows_lies_below_no_root(tree):
    """There `NUL.txt` in any directory is the device, so that naming its directory would be no help."""

    def act(fsfault):
        if WINDOWS:
            open("NUL.txt", "w").close()
        else:
            fsfault._session.engine.outside["open"] = "//./NUL"

    told = "`open` never fired: open met only a device of Windows, //./nul, which is below no root"
    # In the case in which this process has named it first.
    assert told == verdict(act, "open -> EBUSY", root=tree).replace("//./NUL", "//./nul")


def test_each_rule_that_never_fired_is_told(tree):
    """One line each, in order; the one that fired is not among them."""

    def act(_):
        with pytest.raises(OSError, match="busy"):
            os.stat("a.dll")

    told = verdict(
        act, "os.link -> EIO", "os.stat -> EBUSY", "os.chmod -> EIO or never", "os.rmdir -> EIO", root=tree
    )
    assert ["`os.link`", "`os.rmdir`"] == [row.partition(" never")[0] for row in told.splitlines()]


@pytest.mark.parametrize(
    ("rule", "keywords"),
    [
        ("os.link -> EIO or never", {}),
        (Rule("os.link", fault="EIO", optional=True), {}),
        ("os.link -> EIO", {"strict": False}),
    ],
)
def test_it_may_be_declared_fine(rule, keywords, tree):
    """By the rule, or for all of them."""
    assert verdict(nothing, rule, root=tree, **keywords) is None


def test_a_profile_s_rules_need_not_fire(tree):
    """Only what the block itself declares fails it."""
    assert verdict(nothing, profile="flaky", root=tree) is None


def test_a_body_that_raises_is_not_judged(tree):
    """Its own error says more."""
    with pytest.raises(KeyError), inject("os.link -> EIO", roots=[tree]):
        raise KeyError


class TestArmed:
    """A rule that `add` returns."""

    def test_it_counts(self, tree):
        """Matching calls, and those in which it acted."""
        with inject(roots=[tree]) as fsfault:
            armed = fsfault.add("os.stat -> EBUSY when nth 2")
            for _ in range(3):
                try:
                    os.stat(".")
                except OSError:
                    pass
            assert (3, 1) == (armed.matched, armed.fired)
            assert "<Armed 'os.stat -> EBUSY when nth 2' matched=3 fired=1>" == repr(armed)

    def test_as_a_context_manager_it_is_judged_at_its_own_end(self, tree):
        """And not once more at the end of the block."""
        with inject(roots=[tree]) as fsfault:
            with pytest.raises(
                AssertionError, match=r"\A`os.link` never fired: no call of os.link below the roots\Z"
            ):
                with fsfault.add("os.link -> EIO"):
                    pass
            with fsfault.add("os.stat -> EBUSY"), pytest.raises(OSError, match="busy"):
                os.stat(".")
            os.stat(".")

    def test_removed_without_having_fired_it_is_told_at_the_end(self, tree):
        """Taking it away does not make it fine."""
        assert "`os.link` never fired: no call of os.link below the roots" == verdict(
            lambda fsfault: fsfault.add("os.link -> EIO").remove(), root=tree
        )

    def test_an_error_in_its_block_goes_up(self, tree):
        """It ends the rule, without a verdict."""
        with pytest.raises(KeyError), inject(roots=[tree]) as fsfault, fsfault.add("os.link -> EIO"):
            raise KeyError


class TestAll:
    """`strict="all"`."""

    def test_a_handle_left_open_is_told(self, tree):
        """What was open before is not; what is closed is not."""
        before = os.open("b.dll", os.O_RDONLY)
        left = []

        def act(_):
            left.append(os.open("a.dll", os.O_RDONLY))
            with open("c.dll"):
                pass

        try:
            assert f"{tree.as_posix()}/a.dll was left open" == verdict(act, root=tree, strict="all")
            assert verdict(lambda _: left.append(os.open("a.dll", os.O_RDONLY)), root=tree) is None
        finally:
            for descriptor in (before, *left):
                os.close(descriptor)

    def test_nothing_left_is_fine(self, tree):
        """Also with temporary files."""
        assert verdict(lambda _: tempfile.TemporaryFile(dir=tree).close(), root=tree, strict="all") is None


def test_a_crash_outside_a_sweep_fails_the_test(tree):
    """Also if the code under test swallows it, and if the test allows rules that never fire."""

    def act(_):
        with pytest.raises(SimulatedCrash):
            os.stat("a.dll")

    told = verdict(act, "os.stat -> crash", root=tree, strict=False)
    site = f"{__file__}:{act.__code__.co_firstlineno + 2}"
    assert f"SimulatedCrash: os.stat {tree.as_posix()}/a.dll, at {site}" == told


class TestRetryStorm:
    """A loop without progress ends."""

    def test_ten_thousand_errors_on_one_file_end_the_loop(self, tree):
        """It is raised through `except Exception`, and again at every later call."""

        def act():
            while True:
                try:
                    os.replace("a.dll", "e.dll")
                except Exception:
                    continue

        with pytest.raises(RetryStorm) as caught, inject("os.replace -> EACCES", roots=[tree]) as fsfault:
            try:
                act()
            finally:
                with pytest.raises(RetryStorm):
                    os.stat(".")
        assert 10_000 == len(fsfault.journal)
        assert (
            f"os.replace met an injected error 10,000 times on '{tree.as_posix()}/e.dll' without progress, "
            f"at {__file__}:{act.__code__.co_firstlineno + 3}: add a limit to the loop, or a schedule to the rule"
        ) == str(caught.value)

    def test_twenty_thousand_files_are_progress(self, tree):
        """Each met its error once."""

        def act(_):
            for number in range(20_000):
                try:
                    os.stat(f"f{number}")
                except PermissionError:
                    pass

        assert verdict(act, "os.stat -> EACCES", root=tree) is None

    @pytest.mark.parametrize("rule", ["os.open -> EACCES", "os.open -> ERROR_ACCESS_DENIED"])
    def test_names_by_chance_are_one(self, tree, rule, monkeypatch):
        """On Windows `tempfile` takes a refusal for a directory of that name, and tries another for days."""

        class Windows:
            """`os` as it is there, as far as `tempfile` asks."""

            name = "nt"

            def __getattr__(self, name):
                return getattr(os, name)

        monkeypatch.setattr(tempfile, "_os", Windows())
        monkeypatch.setattr(tempfile, "TMP_MAX", 2**31 - 1)
        with pytest.raises(RetryStorm, match=r"os\.open met an injected error 10,000 times on '.*/tmp\*'"):
            with inject(rule, roots=[tree]):
                tempfile.mkstemp(dir=tree)

    def test_success_in_between_is_progress(self, tree):
        """The count starts anew."""

        def act(_):
            for _ in range(10_500):
                try:
                    os.stat("a.dll")
                except PermissionError:
                    pass

        assert (
            verdict(act, "os.stat -> EACCES when every 2", "os.stat -> EACCES when every 3", root=tree)
            is None
        )

    @pytest.mark.parametrize("rule", ["os.write -> short 0", "file.write -> short 0"])
    def test_a_write_that_never_writes_ends(self, rule, tree):
        """Python's own buffer would try again for ever."""

        def act():
            with open("a.dll", "wb") as file:
                file.write(b"data")

        def act_on_descriptor():
            descriptor = os.open("a.dll", os.O_WRONLY)
            data = b"data"
            while data:
                data = data[os.write(descriptor, data) :]

        with pytest.raises(RetryStorm), inject(rule, roots=[tree]):
            act() if rule.startswith("file") else act_on_descriptor()

    def test_a_refused_access_in_a_loop_ends(self, tree):
        """It raises nothing, yet makes no progress."""
        with pytest.raises(RetryStorm), inject("os.access -> EACCES", roots=[tree]):
            while not os.access("a.dll", os.R_OK):
                pass
