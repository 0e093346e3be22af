"""In the parent: serve the child processes that share its plan, model, clock and journal."""
