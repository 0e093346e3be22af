"""`python -m pytest_fsfault procmon`: what it prints, which tests it writes, and what it says to mistakes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_fsfault.__main__ import main
from pytest_fsfault._commands.procmon import refusals
from pytest_fsfault._commands.procmon.results import REFUSALS

from .logs import DATA, DELETES, READS, row, sample_pml, write_csv

SCANNED = r"""scanner-reads-new-dll.xml: XML, 21 rows, 23:59:57,1000000 to 0:00:01,3520000
pip.exe: 4 calls refused

23:59:57,3510000  pip.exe [5100]  SetRenameInformationFile  ACCESS DENIED (WinError 5, ERROR_ACCESS_DENIED)
    C:\site\.new
    to C:\site\numpy-2.1
    refused 4 times until 0:00:00,3510000; succeeded at 0:00:01,3510000, 4.000 s later
    open then:
        mfetp.exe (Trellix) [2211]  access r, share r  C:\site\.new\numpy\libopenblas.dll
        |================================        | 23:59:57,2100000 to 0:00:00,6100000 (3.400 s); refuses the call
        | x        x        x        x         o | x refused, o succeeded
    a hold refuses it: the log shows that mfetp.exe (Trellix) had it open then
"""
ALONE = (
    "a rule refuses it: the log shows no other process opening files, and so no holder; "
    "a log without a filter on the process would show who does"
)
NOBODY = (
    "a rule refuses it: the log shows no process that has it, or anything in it, open then; one may have opened it "
    "before the log begins, or the permissions or a driver in the kernel refuse it"
)
GUILTLESS = "a rule refuses it: what the log shows open then does not make Windows refuse this call"


def called(capsys, *words):
    """Return the exit code, and what was printed on both streams."""
    code = main(["procmon", *map(str, words)])
    return code, *capsys.readouterr()


def test_a_time_line(capsys):
    """Who had the file open, with which access and share, from when to when; over midnight."""
    assert (0, SCANNED, "") == called(capsys, DATA / "scanner-reads-new-dll.xml", "--process", "pip")


def written_tests(capsys, tmp_path, log, process):
    """Return what was printed and the file that was written."""
    file = tmp_path / "test_log.py"
    code, out, err = called(capsys, log, "--process", process, "--test", file)
    assert (0, "") == (code, err)
    return out, file.read_text("utf-8")


def test_a_scanner_becomes_a_hold(capsys, tmp_path, pytester):
    """With its label, its share mode and its time; the test passes as it is written."""
    out, text = written_tests(capsys, tmp_path, DATA / "scanner-reads-new-dll.xml", "pip.exe")
    assert SCANNED + f"\n{tmp_path / 'test_log.py'}: 1 test, 1 with holds\n" == out
    assert (
        '''@pytest.mark.fsfault(windows="11")
def test_1_rename_new(tmp_path, fsfault):
    """SetRenameInformationFile was refused 4 times with ACCESS DENIED, 23:59:57,3510000 to 0:00:00,3510000.

    C:\\\\site\\\\.new
    to C:\\\\site\\\\numpy-2.1
    A hold refuses it: the log shows that mfetp.exe (Trellix) had it open then.
    """
    path = tmp_path / ".new"
    target = tmp_path / "numpy-2.1"
    with fsfault.paused():
        make(tmp_path, [".new", ".new/numpy"], [".new/numpy/libopenblas.dll"])
    fsfault.windows().hold(
        tmp_path / ".new/numpy/libopenblas.dll",
        access="r",
        share="r",
        seconds=3.4,
        by="mfetp.exe (Trellix)",
    )
    fsfault.clock.advance(0.141)  # so much later came the call
    retried(os.rename, path, target)
    fsfault.assert_retried("os.rename")
'''
        in text
    )


def test_nobody_seen_becomes_a_rule(capsys, tmp_path):
    """A directory is refused once and nobody holds anything: a rule, and the sentence that says why."""
    out, text = written_tests(capsys, tmp_path, DATA / "rename-refused-once.csv", "uv")
    assert f"    open then: nothing that the log shows\n    {ALONE}\n" in out
    assert out.endswith(": 1 test, 1 with a rule\n")
    assert (
        '@pytest.mark.fsfault("os.replace to ivw1_SgSoJofW7-c2dlZ0 -> ERROR_ACCESS_DENIED when once")' in text
    )
    assert "A rule refuses it: the log shows no other process opening files" in text
    assert "hold(" not in text


def test_a_pending_deletion(capsys, tmp_path):
    """Who asked for it and who keeps it; the test deletes the file under the hold, by the old kind of deletion."""
    out, text = written_tests(capsys, tmp_path, DATA / "deletion-pending.csv", "python.exe")
    assert "CreateFile  DELETE PENDING (WinError 5, ERROR_ACCESS_DENIED)" in out
    assert "    python.exe [77] asked to delete it at 3:14:16.1000001 nachm.\n" in out
    assert "code.exe [900]  access r, share rwd" in out
    assert '@pytest.mark.fsfault(windows={"version": "11", "posix_delete": False})' in text
    assert 'os.remove(tmp_path / "out.pyd")  # its deletion is pending while it is held' in text


OPENED, TAKEN = READS.format("Read"), READS.format("Read, Write, Delete")
LISTED = TAKEN.replace("Generic Read", "Read Data/List Directory").replace("Non-Directory File", "Directory")
MADE = LISTED.replace("Disposition: Open", "Disposition: Create")
FILE, OTHER = r"C:\w\a.dll", r"C:\w\b.dll"
DELETE = row("1:00:01", "p.exe", "CreateFile", FILE, "SHARING VIOLATION", DELETES)
DENIED = row("1:00:01", "p.exe", "SetDispositionInformationFile", FILE, "CANNOT DELETE", "Delete: True")
STAGED = {
    # name: rows, and what the test has in it
    "held for good": (
        [row("1:00:00", "ekrn.exe", "CreateFile", FILE, detail=OPENED), DELETE],
        ['access="r", share="r", by="ekrn.exe (ESET)")', "with pytest.raises(OSError):\n        os.remove(path)"],
        "not closed before the log ends; refuses the call",
    ),
    "loaded": (
        [row("1:00:00", "q.exe", "Load Image", FILE), row("1:00:00", "q.exe", "CreateFile", OTHER, detail=TAKEN), DENIED],
        ['.load(tmp_path / "a.dll", by="q.exe")'],
        "running or loaded",
    ),
    "by itself": (
        [row("1:00:00", "p.exe", "CreateFile", FILE, detail=OPENED), DELETE, row("1:00:03", "p.exe", "CloseFile", FILE)],
        ['by="p.exe, the program itself",', "        seconds=3,", "retried(os.remove, path)"],
        "p.exe [1480, the program itself]",
    ),
    "no reason": (
        [row("1:00:00", "q.exe", "CreateFile", FILE, detail=TAKEN), DENIED],
        ['"os.remove a.dll -> ERROR_ACCESS_DENIED when once"'],
        GUILTLESS,
    ),
    "another error than an open file gives": (
        [
            row("1:00:00", "q.exe", "CreateFile", FILE, detail=READS.format("None")),
            row("1:00:01", "p.exe", "CreateFile", FILE, "ACCESS DENIED", TAKEN),
        ],
        ['"open a.dll -> ERROR_ACCESS_DENIED when once"'],
        GUILTLESS,
    ),
    "a file that is opened while somebody shares nothing": (
        [
            row("1:00:00", "q.exe", "CreateFile", FILE, detail=READS.format("None")),
            row("1:00:01", "p.exe", "CreateFile", FILE, "SHARING VIOLATION", TAKEN),
        ],
        ['hold(tmp_path / "a.dll", access="r", share="", by="q.exe")'],
        "refuses the call",
    ),
    "a directory that is made while its deletion is pending": (
        [
            row("1:00:00", "q.exe", "CreateFile", r"C:\w\d", detail=LISTED),
            row("1:00:01", "p.exe", "SetDispositionInformationFile", r"C:\w\d", detail="Delete: True"),
            row("1:00:02", "p.exe", "CreateFile", r"C:\w\d", "DELETE PENDING", MADE),
            row("1:00:03", "q.exe", "CloseFile", r"C:\w\d"),
        ],
        ['os.rmdir(tmp_path / "d")  # its deletion is pending', "retried(os.mkdir, path)"],
        "p.exe [1480] asked to delete it at 1:00:01",
    ),
    "a directory that may not be made": (
        [row("1:00:02", "p.exe", "CreateFile", r"C:\w\d", "ACCESS DENIED", MADE)],
        ['"os.mkdir d -> ERROR_ACCESS_DENIED when once"', "make(tmp_path, [], [])"],
        "a rule refuses it",
    ),
    "nobody": (
        [row("1:00:00", "q.exe", "CreateFile", OTHER, detail=OPENED), DENIED, DENIED],
        ['"os.remove a.dll -> ERROR_ACCESS_DENIED when first 2"'],
        NOBODY,
    ),
    "a directory that is not empty": (
        [
            row("1:00:00", "q.exe", "CreateFile", FILE, detail=TAKEN),
            row("1:00:01", "p.exe", "SetDispositionInformationFile", r"C:\w", "DIRECTORY NOT EMPTY", "Delete: True"),
        ],
        ['os.remove(tmp_path / "w/a.dll")  # its deletion is pending', "os.rmdir(path)"],
        "refuses the call",
    ),
    "a full disk": (
        [
            row("1:00:00", "q.exe", "CreateFile", FILE, detail=OPENED),
            row("1:00:01", "p.exe", "WriteFile", FILE, "DISK FULL", "Offset: 0, Length: 5"),
        ],
        ['"file.write a.dll -> ERROR_DISK_FULL when once"', 'retried(update, path, b"new")'],
        "a rule refuses it: this error does not come of an open file",
    ),
    "a replaced target": (
        [
            row("1:00:00", "q.exe", "CreateFile", OTHER, detail=OPENED),
            row(
                "1:00:01", "p.exe", "SetRenameInformationFile", FILE, "ACCESS DENIED",
                rf"ReplaceIfExists: True, FileName: {OTHER}",
            ),
            row("1:00:02", "q.exe", "CloseFile", OTHER),
        ],
        ['hold(tmp_path / "b.dll", access="r", share="r", seconds=2, by="q.exe")', "retried(os.replace, path, target)"],
        r"q.exe [1481]  access r, share r  C:\w\b.dll",
    ),
    "a rename without its target, as in PML": (
        [row("1:00:01", "p.exe", "SetRenameInformationFile", FILE, "ACCESS DENIED")],
        ["The log does not say to which name; the one below is made up.", 'tmp_path / "a.dll-renamed"'],
        "a rule refuses it",
    ),
    "names that a rule has to quote": (
        [row("1:00:01", "p.exe", "CreateFile", r"C:\w\a [1], it's.dll", "ACCESS DENIED", DELETES)],
        ["-> ERROR_ACCESS_DENIED when once", '''tmp_path / "a [1], it's.dll"'''],
        "a rule refuses it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STAGED)
def test_what_is_staged(capsys, tmp_path, name):
    """Holds where the log shows a reason of Windows, rules elsewhere."""
    rows, parts, said = STAGED[name]
    out, text = written_tests(capsys, tmp_path, write_csv(tmp_path / "log.csv", rows), "p.exe")
    for part in parts:
        assert part in text, text
    assert said in out, out


def test_the_tests_pass_as_they_are_written(pytester, tmp_path):
    """Those of `STAGED` and of the sample logs, in one run."""
    logs = {
        "rename-refused-once.csv": "uv",
        "scanner-reads-new-dll.xml": "pip",
        "deletion-pending.csv": "python",
    }
    found = [(str(DATA / log), process) for log, process in logs.items()]
    for number, (rows, _, _) in enumerate(STAGED.values()):
        found.append((write_csv(tmp_path / f"{number}.csv", rows), "p.exe"))
    for number, (log, process) in enumerate(found):
        file = pytester.path / f"test_{number}.py"
        assert 0 == main(["procmon", log, "--process", process, "--test", str(file)])
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=len(found))


def test_the_page_shows_what_is_written(capsys, tmp_path):
    """But for its name, and for the code in the place of `retried`."""
    root = DATA.parents[2]
    _, text = written_tests(capsys, tmp_path, root / "examples/procmon/numpy.csv", "pip.exe")
    test = text[text.index("@pytest.mark") :].replace("retried(os.rename, ", "install(")
    shown = (root / "docs/howto/procmon.md").read_text("utf-8")
    assert test.replace("test_1_rename_new", "test_install") in shown


def test_a_program_that_is_fixed_passes_and_one_that_gives_up_fails(capsys, tmp_path, pytester):
    """With the code under test in the place of `retried`, the test tells one from the other."""
    _, text = written_tests(capsys, tmp_path, DATA / "scanner-reads-new-dll.xml", "pip")
    pytester.makepyfile(
        test_gives_up=text.replace("retried(os.rename, path, target)", "os.rename(path, target)")
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*libopenblas.dll is held by mfetp.exe (Trellix) for another 3.2? s*"])


def test_a_page_for_a_browser(capsys, tmp_path):
    """One file with the drawing, who had the file open, and the test; names cannot break out of it."""
    pytest.importorskip("jinja2")
    page = tmp_path / "log.html"
    hostile = "C:\\w\\</script><b onclick=x>.dll"
    rows = [
        row("1:00:00", "mfetp.exe", "CreateFile", hostile, detail=OPENED),
        DELETE._replace(path=hostile),
        row("1:00:03", "mfetp.exe", "CloseFile", hostile),
        DELETE._replace(path=hostile, time="1:00:04", result="SUCCESS"),
    ]
    log = write_csv(tmp_path / "log.csv", rows)
    code, out, _ = called(capsys, log, "--process", "p", "--html", page)
    text = page.read_text("utf-8")
    assert 0 == code
    assert out.endswith(f"\n{page}: the time line for a browser\n")
    assert "<h1>p.exe: 1 call refused</h1>" in text
    assert "mfetp.exe (Trellix): access read, shares read · 3 s" in text
    assert "<td>1:00:03 (3 s)</td>" in text
    assert "fsfault.windows().hold(" in text
    assert "<b onclick" not in text
    assert 1 == text.count('<svg class="plot"')


def test_a_page_without_jinja2(capsys, tmp_path, monkeypatch):
    """The sentence names the extra."""
    monkeypatch.setattr("pytest_fsfault._commands.procmon.command.find_spec", lambda name: None)
    page = tmp_path / "log.html"
    code, _, err = called(capsys, DATA / "rename-refused-once.csv", "--process", "uv", "--html", page)
    assert (2, '--html needs Jinja2; install it with: pip install "pytest-fsfault[html]"\n') == (code, err)
    assert not page.exists()


def test_many_refusals_in_a_page(capsys, tmp_path):
    """Those that are not drawn are listed."""
    pytest.importorskip("jinja2")
    rows = [DENIED._replace(path=rf"C:\w\{number}") for number in range(70)]
    page = tmp_path / "log.html"
    assert 0 == called(capsys, write_csv(tmp_path / "log.csv", rows), "--process", "p", "--html", page)[0]
    text = page.read_text("utf-8")
    assert 60 == text.count('<details class="test"')
    assert "Further refused calls" in text
    assert r"SetDispositionInformationFile C:\w\69" in text


def test_pml(capsys, tmp_path):
    """A sample log of Windows 10: nothing was refused to Notepad; with one result exchanged, one call was."""
    pytest.importorskip("procmon_parser")
    path = tmp_path / "log.pml"
    sample_pml(path)
    rows = "log.pml: PML, 700 rows, 1:18:10.8939738 AM to 1:18:13.1087214 AM, times in UTC\n"
    expected = rows + "NOTEPAD.EXE: no call was refused\n"
    assert (1, expected, "") == called(capsys, path, "--process", "notepad")
    from procmon_parser import PMLStreamReader

    with open(path, "r+b") as file:
        log = PMLStreamReader(file)
        for offset, event in zip(log.events_offsets, log, strict=True):
            if event.operation.name == "CreateFile" and event.process.process_name == "NOTEPAD.EXE":
                file.seek(offset + 36)
                file.write((0xC0000043).to_bytes(4, "little"))
                break
    code, out, _ = called(capsys, path, "--process", "notepad.exe")
    assert 0 == code
    assert "SHARING VIOLATION (WinError 32, ERROR_SHARING_VIOLATION)" in out


def test_below(capsys, tmp_path):
    """Only calls on a path and below it; how many were elsewhere."""
    moved = DENIED._replace(
        path=r"D:\other",
        detail=r"ReplaceIfExists: False, FileName: C:\W\x",
        operation="SetRenameInformationFile",
    )
    path = write_csv(tmp_path / "log.csv", [DENIED, DENIED._replace(path=r"C:\wide"), moved])
    code, out, _ = called(capsys, path, "--process", "p", "--below", "c:/w/")
    assert (0, "p.exe: 2 calls refused on c:/w/ and below") == (code, out.splitlines()[1])
    code, out, _ = called(capsys, path, "--process", "p", "--below", r"C:\nothing")
    assert (1, "p.exe: no call was refused on C:\\nothing and below (3 calls elsewhere)") == (
        code,
        out.splitlines()[1],
    )


def test_refusals_of_the_registry_are_not_of_files(capsys, tmp_path):
    """Keys have no tests here."""
    path = write_csv(tmp_path / "log.csv", [DENIED._replace(operation="RegOpenKey")])
    assert 1 == called(capsys, path, "--process", "p.exe")[0]


def test_as_many_as_are_kept(capsys, tmp_path, monkeypatch):
    """Of more refusals than are kept the number is told."""
    monkeypatch.setattr(refusals, "_MOST_REFUSALS", 2)
    rows = [DENIED._replace(path=rf"C:\w\{number}") for number in range(5)]
    out = called(capsys, write_csv(tmp_path / "log.csv", rows), "--process", "p.exe")[1]
    assert out.endswith("\n... 3 further calls on other paths; narrow them by --below PATH\n")


def test_as_many_tests_as_go_into_one_file(capsys, tmp_path):
    """What changes the tree comes first; how many are left out is told."""
    reads = [DENIED._replace(path=rf"C:\r\{number}", operation="QueryDirectory") for number in range(3)]
    rows = [*reads, *(DENIED._replace(path=rf"C:\w\{number}") for number in range(25))]
    out, text = written_tests(capsys, tmp_path, write_csv(tmp_path / "log.csv", rows), "p.exe")
    assert out.endswith(": 25 tests, 25 with a rule; 3 refusals left out\n")
    assert "os.listdir" not in text


def test_nothing_to_write(capsys, tmp_path):
    """A start of a program is no test, and the file is not written."""
    path = write_csv(tmp_path / "log.csv", [DENIED._replace(operation="Process Create")])
    code, out, _ = called(capsys, path, "--process", "p.exe", "--test", tmp_path / "t.py")
    assert 0 == code
    assert "    no test: no single call of Python does this\n" in out
    assert out.endswith("t.py: not written, since no refused call can be put into a test\n")
    assert not (tmp_path / "t.py").exists()


def test_a_terminal_is_not_acted_on(capsys, tmp_path):
    """Control characters of a log are not printed."""
    path = write_csv(tmp_path / "log.csv", [DENIED._replace(path="C:\\w\\\x1b[31m\u202e.dll")])
    out = called(capsys, path, "--process", "p.exe")[1]
    assert "C:\\w\\?[31m?.dll" in out
    assert "\x1b" not in out


def run_alone(log, *, encoding="ascii", reads=None):
    """Run the command in a process of its own; return its exit code and what it printed, of which `reads` is read."""
    command = [sys.executable, "-m", "pytest_fsfault", "procmon", str(log), "--process", "p"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": encoding}
    ) as process:  # fmt: skip
        out = process.stdout.read(reads) if reads else process.stdout.read()
        process.stdout.close()
        err = process.stderr.read()
    return process.returncode, out, err


def test_a_console_that_lacks_characters(tmp_path):
    """They are written as escapes."""
    code, out, err = run_alone(write_csv(tmp_path / "log.csv", [DENIED._replace(path="C:\\w\\日本")]))
    assert (0, b"") == (code, err)
    assert rb"C:\w\\u65e5\u672c" in out


def test_a_reader_that_goes(tmp_path):
    """The rest of the output goes nowhere, without a word."""
    rows = [DENIED._replace(path=rf"C:\w\{number}") for number in range(1000)]
    code, _, err = run_alone(write_csv(tmp_path / "log.csv", rows), reads=10)
    assert (0, b"") == (code, err)


NEEDED = "Time of Day, Process Name, PID, Operation, Path, Result, Detail"
MISTAKES = [
    ([], "the following arguments are required: LOG, --process; see python -m pytest_fsfault procmon --help"),
    (["{missing}", "--process", "p"], "{missing!r} is not readable: No such file or directory"),
    (["{dir}", "--process", "p"], "{dir!r} is a directory; name a log of Process Monitor"),
    (["{empty}", "--process", "p"], "{empty!r} is empty; save the log again"),
    (["{zip}", "--process", "p"], "{zip!r} is an archive; unpack it and name the log that is in it"),
    (
        ["{text}", "--process", "p"],
        f"{{text!r}} is not a log of Process Monitor: it has none of the columns {NEEDED}; save the log as CSV, XML or PML (File > Save)",
    ),
    (["{bare}", "--process", "p"], "{bare!r} has no rows; save the log with all events"),
    (["{log}", "--process", "uv.ex"], "{log!r} has no process 'uv.ex'; did you mean 'uv.exe'?"),
    (["{log}", "--process", "x"], "{log!r} has no process 'x'; it has svchost.exe, uv.exe"),
    (["{log}", "--process", "uv", "--test", "{text}"], "--test {text!r} is there already; add --force to write over it"),
    (["{log}", "--process", "uv", "--test", "{dir}"], "--test {dir!r} is a directory; name a file"),
    (
        ["{log}", "--process", "uv", "--test", "{file}"],
        "--test {file!r}: there is no directory {missing!r}; make it first",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_mistakes(capsys, tmp_path, words, message):
    """One sentence and exit code 2; nothing is written."""
    places = {name: tmp_path / name for name in ("missing", "dir", "empty", "zip", "text", "bare")}
    places["dir"].mkdir()
    places["empty"].touch()
    places["zip"].write_bytes(b"PK\x03\x04...")
    places["text"].write_text("a,b\n1,2\n")
    write_csv(places["bare"], [])
    places |= {"log": DATA / "rename-refused-once.csv", "file": places["missing"] / "t.py"}
    names = {name: str(place) for name, place in places.items()}
    code, out, err = called(capsys, *(word.format(**names) for word in words))
    assert (2, "", message.format(**names) + "\n") == (code, out, err)
    assert "a,b\n1,2\n" == places["text"].read_text()


def test_force(capsys, tmp_path):
    """A file is written over when that is asked for."""
    file = tmp_path / "t.py"
    file.write_text("old")
    assert 0 == main(
        ["procmon", str(DATA / "deletion-pending.csv"), "--process", "python", "--test", str(file), "--force"]
    )
    assert "def test_1_open_w_out_pyd" in file.read_text()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PATHS = st.one_of(
    TEXT, st.sampled_from([r"C:\a", r"C:\a\b", r"c:\A", "", "\\", "C:", r"\\?\C:\a", r"\\server\share\x"])
)
OPERATIONS = ["CreateFile", "CloseFile", "SetRenameInformationFile", "SetDispositionInformationFile", "Load Image",
              "Process Exit", "QueryDirectory", "WriteFile"]  # fmt: skip
RESULTS = ["SUCCESS", "NAME NOT FOUND", *REFUSALS]
DETAILS = [
    OPENED,
    DELETES,
    "Delete: True",
    r"ReplaceIfExists: True, FileName: C:\a\b",
    r"Flags: , FileName: ",
    "",
]
ARBITRARY = st.builds(
    row,
    st.one_of(TEXT, st.sampled_from(["1:00:00", "0:59:00,5", "11:00:00 PM"])),
    st.sampled_from(["p.exe", "q.exe"]),
    st.one_of(TEXT, st.sampled_from(OPERATIONS)),
    PATHS,
    st.one_of(TEXT, st.sampled_from(RESULTS)),
    st.one_of(TEXT, st.sampled_from(DETAILS)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ARBITRARY, min_size=1, max_size=12))
def test_whatever_the_rows_are(capsys, tmp_path, rows):
    """An exit code and text, or one sentence; never an exception, and what is written can be compiled."""
    rows.append(row("1:00:00", "p.exe", "CloseFile", r"C:\a"))
    test = tmp_path / "t.py"
    test.unlink(missing_ok=True)
    code, out, err = called(capsys, write_csv(tmp_path / "log.csv", rows), "--process", "p", "--test", test)
    assert code in {0, 1}
    assert "" == err
    assert out.startswith("log.csv: CSV, ")
    if test.exists():
        compile(test.read_text("utf-8"), str(test), "exec")
