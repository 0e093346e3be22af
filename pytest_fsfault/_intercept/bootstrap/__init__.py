"""A new interpreter that is started under faults."""
