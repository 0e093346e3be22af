"""Metadata are written by way of a temporary file on another drive (riggsd/guano-py#14)."""

import wave

import pytest
from guano import GuanoFile


@pytest.mark.fsfault(windows="11")
def test_other_drive(tmp_path, fsfault, monkeypatch):
    for name in ("C", "D"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "C"))
    fsfault.windows().volume(tmp_path / "D")
    with wave.open(str(tmp_path / "D/bat.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 1, "NONE", "none"))
        sound.writeframes(b"\0\0")
    recording = GuanoFile(str(tmp_path / "D/bat.wav"))
    recording["GUANO|Version"] = "1.0"
    recording.write(make_backup=False)
    assert "1.0" == GuanoFile(str(tmp_path / "D/bat.wav"))["GUANO|Version"]
    assert {17} == {entry.error.winerror for entry in fsfault.journal.faults}
