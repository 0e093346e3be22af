"""The edge: whatever stands in front of os, io, builtins, shutil and time."""
