"""The retry loop of pip, as released: no twin, and nothing patched beside the plugin."""
