"""A directory tree is removed while a scanner reads what is in it.

On Windows the files refuse with 32, the directories above them with 145 (astral-sh/uv#15968).
"""
