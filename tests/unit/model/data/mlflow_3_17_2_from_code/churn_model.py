"""Stands in for the code that the model was defined in."""
