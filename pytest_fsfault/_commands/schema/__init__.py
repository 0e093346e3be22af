"""The format of `--fsfault-json`."""
