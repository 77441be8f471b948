"""The pytest entry point: hooks only."""
