"""CreateFile and CloseFile are paired by process and path, the last opened first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_fsfault._commands.procmon import openings as module
from pytest_fsfault._commands.procmon.openings import LoggedOpenings, folded

from .logs import READS, row

PATH = r"C:\a\b.dll"
OPENED = READS.format("Read")


def shown(*rows):
    """Return the openings after these rows, a second apart."""
    found = LoggedOpenings()
    for moment, each in enumerate(rows):
        found.show(each, float(moment))
    return found


def create(process="p.exe", path=PATH, detail=OPENED, result="SUCCESS"):
    """Return a row that opens a file."""
    return row("0:00:00", process, "CreateFile", path, result, detail)


def close(process="p.exe", path=PATH):
    """Return a row that closes one."""
    return row("0:00:09", process, "CloseFile", path)


def open_at(found, path=PATH):
    """Return who has a path open: process and when it was opened."""
    return [(each.process, each.opened) for each in found.at(folded(path))]


def test_the_last_opened_is_closed_first():
    """Each process for itself, and each path."""
    found = shown(create(), create(), create("q.exe"), create(path=r"C:\a\c"), close())
    assert [("p.exe", 0.0), ("q.exe", 2.0)] == open_at(found)
    assert [("p.exe", 3.0)] == open_at(found, r"C:\A\C")


def test_a_refused_opening_opens_nothing():
    """Only what succeeded is open."""
    assert [] == open_at(shown(create(result="SHARING VIOLATION")))


def test_a_close_without_an_opening_is_passed_over():
    """The log may have begun later."""
    assert [("q.exe", 1.0)] == open_at(shown(close(), create("q.exe"), close()))


def test_the_end_of_a_process_closes_what_it_had():
    """All of its handles, and nobody else's."""
    found = shown(create(), create("q.exe"), row("0:00:05", "p.exe", "Process Exit", ""))
    assert [("q.exe", 1.0)] == open_at(found)


def test_a_loaded_library_stays_until_the_process_ends():
    """A close of the handle does not unload it."""
    load = row("0:00:01", "p.exe", "Load Image", PATH)
    found = shown(create(), load, close())
    assert ["image"] == [each.kind for each in found.at(folded(PATH))]
    found.show(row("0:00:05", "p.exe", "Process Exit", ""), 5.0)
    assert [] == open_at(found)


def test_a_renamed_file_is_closed_under_either_name():
    """The handle follows the file."""
    rename = row(
        "0:00:01", "p.exe", "SetRenameInformationFile", PATH, detail=r"ReplaceIfExists: True, FileName: C:\n"
    )
    assert [("p.exe", 0.0)] == open_at(shown(create(), rename), r"C:\n")
    assert [] == open_at(shown(create(), rename, close(path=r"C:\n")), r"C:\n")
    assert [] == open_at(shown(create(), rename, close()), r"C:\n")


def test_a_deletion_is_known_while_the_file_is_open():
    """Until the last handle goes, or the name is made anew; a deletion that is taken back is none."""
    delete = row("0:00:01", "p.exe", "SetDispositionInformationFile", PATH, detail="Delete: True")
    keep = row("0:00:01", "p.exe", "SetDispositionInformationFile", PATH, detail="Delete: False")
    assert "p.exe" == shown(create("q.exe"), delete).deletions[folded(PATH)].process
    assert {} == shown(create("q.exe"), delete, close("q.exe")).deletions
    assert {} == shown(create("q.exe"), keep).deletions
    made = OPENED.replace("OpenResult: Opened", "OpenResult: Created")
    assert {} == shown(create("q.exe"), delete, create(detail=made)).deletions


def test_memory_is_bounded_in_a_log_without_closes(monkeypatch):
    """At one path the number is kept, of all the oldest are given up."""
    monkeypatch.setattr(module, "_MOST", 3)
    monkeypatch.setattr(module, "_MOST_IN_ALL", 5)
    found = shown(*[create()] * 5, close(), close())
    assert [("p.exe", 0.0), ("p.exe", 1.0), ("p.exe", 2.0)] == open_at(found)
    for number in range(4):
        found.show(create(path=rf"C:\{number}"), 9.0)
    assert [] == open_at(found)
    assert [("p.exe", 9.0)] == open_at(found, r"C:\3")


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from(["p.exe", "q.exe"]), st.sampled_from([r"C:\a", r"C:\A\\", r"C:\b"])
        ),
        max_size=40,
    )
)
def test_pairing(steps):
    """As many are open as stacks of opening times hold, and they are those that the stacks hold."""
    found, stacks = LoggedOpenings(), {}
    for moment, (opens, process, path) in enumerate(steps):
        stack = stacks.setdefault((process, folded(path)), [])
        if opens:
            found.show(create(process, path), float(moment))
            stack.append(float(moment))
        else:
            found.show(close(process, path), float(moment))
            del stack[-1:]
    for path in {folded(path) for _, _, path in steps}:
        expected = sorted(
            (each, process) for (process, at), stack in stacks.items() if at == path for each in stack
        )
        assert expected == [(each.opened, each.process) for each in found.at(path)]
