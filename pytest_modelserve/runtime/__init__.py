"""The side of the scoring server that runs in the model's interpreter: standard library, Python 3.8 and newer."""
