"""What has been recorded of Windows, held against the model."""
