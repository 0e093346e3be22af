"""Wrappers of `os`, `io`, `builtins` and `shutil`, and the audit hook behind them."""
