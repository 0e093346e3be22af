"""The Windows model: what Windows would refuse, given who has what open."""
