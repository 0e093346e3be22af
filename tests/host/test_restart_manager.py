"""Who holds a file, asked of a Restart Manager that answers as recorded, and of Windows' own."""

import os

import pytest
from skips import WINDOWS, wine_differs

from pytest_fsfault import inject
from pytest_fsfault._host.restart_manager import Holder, holders

EDITOR, SCANNER = Holder(40, "Editor"), Holder(50, "Scanner Service")


class Recorded:
    """Answers of RmStartSession, RmRegisterResources and RmGetList, one after the other; and what was asked."""

    def __init__(self, lists, start=(0, 7, "key"), register=0):
        self.lists, self._start, self._register = list(lists), start, register
        self.asked = []

    def start(self):
        self.asked.append("start")
        return self._start

    def register(self, session, path):
        self.asked.append(("register", session, path))
        return self._register

    def holders(self, session, room):
        self.asked.append(("list", room))
        return self.lists.pop(0) if self.lists else (234, room + 1, [])

    def end(self, session):
        self.asked.append(("end", session))
        return 0


class Clock:
    """Time that passes by 10 ms at each reading."""

    now = 0.0

    def __call__(self):
        self.now += 0.01
        return self.now


def test_the_holders_of_a_file_are_named():
    """With their number and the name that Windows shows; the session ends."""
    manager = Recorded([(0, 2, [EDITOR, SCANNER])])
    assert [EDITOR, SCANNER] == holders("C:\\a", manager)
    assert ["start", ("register", 7, "C:\\a"), ("list", 4), ("end", 7)] == manager.asked
    assert "Scanner Service (process 50)" == str(SCANNER)


def test_nobody_is_an_answer():
    """An empty list of a session that has a key."""
    assert [] == holders("a", Recorded([(0, 0, [])]))


def test_more_of_them_need_more_room():
    """ERROR_MORE_DATA tells how many there are; meanwhile there may be more."""
    manager = Recorded([(234, 9, []), (234, 14, []), (0, 14, [EDITOR])])
    assert [EDITOR] == holders("a", manager)
    assert [4, 13, 18] == [asked[1] for asked in manager.asked if asked[0] == "list"]


def test_a_session_that_broke_is_begun_anew():
    """ERROR_BAD_ARGUMENTS: another session has ended meanwhile."""
    manager = Recorded([(160, 0, []), (0, 1, [SCANNER])])
    assert [SCANNER] == holders("a", manager)
    assert 2 == manager.asked.count("start") == manager.asked.count(("end", 7))


@pytest.mark.parametrize(
    "manager",
    [
        Recorded([], start=(0, 7, "")),  # a stub, such as Wine's
        Recorded([], start=(353, 0, "")),  # ERROR_MAX_SESSIONS_REACHED
        Recorded([], register=29),
        Recorded([(5, 0, [])]),
    ],
)
def test_what_is_not_known_is_not_nobody(manager):
    """An empty key, no session, a failure."""
    assert None is holders("a", manager)


def test_it_takes_a_tenth_of_a_second_at_most():
    """Whatever Windows goes on saying."""
    manager = Recorded([])
    clock = Clock()
    assert None is holders("a", manager, clock)
    assert clock.now < 0.2
    assert ("end", 7) == manager.asked[-1]


@pytest.mark.skipif(not WINDOWS, reason="what the system itself refuses")
def test_a_refusal_of_the_system_is_in_the_journal(tmp_path):
    """As failed, with its winerror."""
    file = tmp_path / "a"
    with open(file, "w"), inject("os.remove -> EBUSY when nth 9 or never", roots=[tmp_path]) as fsfault:
        with pytest.raises(PermissionError):
            os.remove(file)
        (entry,) = fsfault.journal
        assert ("failed", 32) == (entry.outcome, entry.error.winerror)


@wine_differs("its Restart Manager names nobody")
@pytest.mark.skipif(not WINDOWS, reason="what the system itself refuses")
def test_the_journal_says_who_holds_it(tmp_path):
    """Here it is this very process."""
    file = tmp_path / "a"
    with open(file, "w"), inject("os.remove -> EBUSY when nth 9 or never", roots=[tmp_path]) as fsfault:
        with pytest.raises(PermissionError):
            os.remove(file)
        assert f"(process {os.getpid()})" in fsfault.journal[0].reason
