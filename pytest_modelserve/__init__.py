"""Serve an MLflow model the way production will, and hold it to its contract over HTTP."""
