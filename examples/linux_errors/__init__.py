"""On Linux some errors are transient and some permanent (astral-sh/uv#11018).

EACCES and ENOMEM are transient on WSL1. EPERM in a sandbox, EROFS, and EACCES below a directory of another user
are permanent: waiting ten seconds changes nothing.
"""
