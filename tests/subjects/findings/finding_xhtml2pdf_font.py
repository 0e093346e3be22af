"""xhtml2pdf gives a font to ReportLab, which opens it by its name."""

from io import BytesIO
from pathlib import Path

import pytest
import reportlab
from xhtml2pdf import pisa


@pytest.mark.fsfault(windows="11")
def test_a_font_of_a_page_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # newer releases read below it only
    font = tmp_path / "vera.ttf"
    font.write_bytes(Path(reportlab.__file__).with_name("fonts").joinpath("Vera.ttf").read_bytes())
    style = f"@font-face {{font-family: Vera; src: url('{font}')}} p {{font-family: Vera}}"
    page = f"<html><style>{style}</style><p>Hello</p></html>"
    written = BytesIO()
    assert not pisa.CreatePDF(page, dest=written).err
    assert b"BitstreamVera" in written.getvalue()
