"""The HTML report: one file that needs no network, drawn from the same data as the JSON."""
