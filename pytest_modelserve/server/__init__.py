"""How a scoring server is described, started, watched and stopped."""
