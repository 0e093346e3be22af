"""Two rotating handlers of one process share a log (SpecterOps/OpenHound#14, granian#377)."""

import logging
from logging.handlers import RotatingFileHandler

import pytest


@pytest.mark.fsfault(windows="11")
def test_rollover(tmp_path, monkeypatch):
    handlers = [RotatingFileHandler(tmp_path / "app.log", maxBytes=100, backupCount=2) for _ in range(2)]
    record = logging.LogRecord("app", 20, __file__, 1, "x" * 80, (), None)
    monkeypatch.setattr(
        logging.Handler,
        "handleError",
        lambda self, record: (_ for _ in ()).throw(__import__("sys").exc_info()[1]),
    )
    for handler in handlers * 2:
        handler.emit(record)
