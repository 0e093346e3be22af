"""Real holders of files: this process and its descendants."""
