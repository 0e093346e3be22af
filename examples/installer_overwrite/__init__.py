"""The overwriting of installer, as released: no twin, and nothing patched beside the plugin."""
