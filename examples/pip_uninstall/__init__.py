"""The uninstall of pip, as released: no twin, and nothing patched beside the plugin."""
