"""The fix: the whole removal is tried again, for up to ten seconds."""

import shutil
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential


@retry(
    retry=retry_if_exception_type(OSError),
    wait=wait_exponential(multiplier=0.01, max=1),
    stop=stop_after_delay(10),
    reraise=True,
)
def remove(tree: Path) -> None:
    shutil.rmtree(tree)
