"""The `modelserve` command: what one does with a model outside a test."""
