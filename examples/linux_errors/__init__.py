"""On Linux some errors pass by themselves and some never do (astral-sh/uv#11018).

EACCES and ENOMEM pass on WSL1. EPERM in a sandbox, EROFS, and EACCES below a directory of somebody else's
do not: whoever waits ten seconds for them learns nothing new.
"""
