"""Every failed installation leaves its temporary directory behind: 300 MB of them (astral-sh/uv#1491)."""
