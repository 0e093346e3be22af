"""A download is renamed while a scanner has it open (yt-dlp/yt-dlp#4975)."""

import pytest
import yt_dlp
from yt_dlp.downloader.common import FileDownloader


@pytest.mark.fsfault(windows="11")
def test_rename(tmp_path, fsfault):
    part = tmp_path / "song.m4a.part"
    part.write_bytes(b"...")
    fsfault.windows().hold(part, access="r", share="rw", seconds=2)
    options = yt_dlp.parse_options(["url"]).ydl_opts
    FileDownloader(yt_dlp.YoutubeDL(options), options).try_rename(str(part), str(tmp_path / "song.m4a"))
    assert (tmp_path / "song.m4a").exists()
