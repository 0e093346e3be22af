"""Who holds a file, asked of a Restart Manager that answers as recorded, and of Windows' own."""

import os

import pytest
from skips import WINDOWS, wine_differs

from pytest_fsfault import inject
from pytest_fsfault._core.language.errors import with_winerror
from pytest_fsfault._host import restart_manager
from pytest_fsfault._host.restart_manager import Holder, HolderQuestions, holders
from pytest_fsfault._intercept.fake import system_hints

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
    """An empty key, no session, a failure; what was begun is ended, since a user may have 64 sessions."""
    assert None is holders("a", manager)
    begun = manager._start[0] == 0
    assert [("end", 7)] * begun == [asked for asked in manager.asked if asked[0] == "end"]


def test_it_takes_a_tenth_of_a_second_at_most():
    """Whatever Windows goes on saying."""
    manager = Recorded([])
    clock = Clock()
    assert None is holders("a", manager, clock)
    assert clock.now < 0.2
    assert ("end", 7) == manager.asked[-1]


REFUSED = with_winerror(13, "Access is denied", "a/b", 5, None)


def test_the_questions_of_a_test_take_a_second_in_all():
    """Each counts by what it took; the first call that nobody is asked about says so, and the next test begins anew."""
    clock, asked = Clock(), []

    def ask(path):
        asked.append(path)
        clock.now += 0.34
        return [EDITOR] if len(asked) % 2 else None

    questions = HolderQuestions(ask, clock)
    told = [questions.explain("a/b", REFUSED) for _ in range(7)]
    assert ["held by Editor (process 40)", "", "held by Editor (process 40)"] == told[:3]
    assert {"a\\b"} == set(asked)
    assert 3 == len(asked)
    no_more = "Windows is not asked who holds it, nor for later calls: that took 1 s in this test so far"
    assert [no_more, "", "", ""] == told[3:]
    questions.begin()
    assert "" == questions.explain("a/b", REFUSED)
    assert 4 == len(asked)


@pytest.mark.parametrize("number", [2, 3, 17, 183])
def test_only_a_refusal_has_a_holder_behind_it(number):
    """No one is asked about a file that is missing, or that is there."""
    questions = HolderQuestions(pytest.fail)
    assert "" == questions.explain("a", with_winerror(2, "text", "a", number, None))


def test_each_test_begins_anew(monkeypatch, tmp_path):
    """With its first session, not with the sessions within."""
    begun = []
    monkeypatch.setattr(system_hints, "IGNORES_CASE", True)  # as on Windows, which alone is asked
    monkeypatch.setattr(restart_manager._questions, "begin", lambda: begun.append("begun"))
    with inject(roots=[tmp_path]), inject(roots=[tmp_path]):
        pass
    with inject(roots=[tmp_path]):
        pass
    assert 2 == len(begun)


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
