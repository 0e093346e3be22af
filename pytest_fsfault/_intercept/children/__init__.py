"""Python child processes under the parent's plan, model, clock and journal."""
