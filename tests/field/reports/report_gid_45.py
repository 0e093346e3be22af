"""A directory is named after a search with the time of day in it (hardikvasa/google-images-download#45)."""

import datetime

import pytest
from google_images_download.google_images_download import googleimagesdownload


@pytest.mark.fsfault(windows="11")
def test_directory(tmp_path):
    name = str(datetime.datetime(2024, 5, 6, 7, 8, 9))
    googleimagesdownload().create_directories(str(tmp_path / "pictures"), name, None, None)
