"""The model's own environment: read, found or built, and kept."""
