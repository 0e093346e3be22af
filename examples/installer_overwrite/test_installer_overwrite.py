"""installer 1.1.0, as released, installs over a package whose extension another Python has loaded.

It overwrites file by file: what came before the extension is new, the rest is old.
"""

import io
import sys

import pytest

pytest.importorskip("installer", reason="the subject of this example: pip install installer==1.1.0")

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelSource


class Wheel(WheelSource):
    """A wheel in memory: a module before the extension, by name, and one after it."""

    def __init__(self, version):
        super().__init__("demo", version)
        self.files = {f"demo/{name}": version for name in ("__init__.py", "_ext.pyd", "zz.py")}

    @property
    def dist_info_filenames(self):
        return ["METADATA", "WHEEL", "RECORD"]

    def read_dist_info(self, _filename):
        return "Root-Is-Purelib: true\nWheel-Version: 1.0\n"

    def validate_record(self):
        pass

    def get_contents(self):
        for name, text in self.files.items():
            yield (name, "", str(len(text))), io.BytesIO(text.encode()), False


def put(site, version):
    target = SchemeDictionaryDestination(
        {"purelib": str(site)}, sys.executable, "posix", overwrite_existing=True
    )
    install(Wheel(version), target, {})


@pytest.mark.fsfault(windows="11")
def test_a_mix_of_two_versions(tmp_path, fsfault):
    """The error is the one of `open` on Windows, without a winerror, and the package is broken."""
    with fsfault.paused():
        put(tmp_path, "1.0")
    fsfault.windows().load(tmp_path / "demo/_ext.pyd")
    with pytest.raises(PermissionError, match=r"^\[Errno 13\] Permission denied: .*_ext.pyd") as caught:
        put(tmp_path, "2.0")
    assert caught.value.winerror is None
    found = [path.read_text() for path in sorted((tmp_path / "demo").iterdir())]
    assert found == ["2.0", "1.0", "1.0"]
