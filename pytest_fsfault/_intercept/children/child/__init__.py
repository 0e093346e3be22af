"""In the child: attach to the parent's sessions, and ask the parent."""
