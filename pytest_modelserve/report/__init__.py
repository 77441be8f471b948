"""Renders the results of a run: one module a rendering."""
