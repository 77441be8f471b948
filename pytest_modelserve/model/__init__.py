"""A model directory and what it says about itself: URI, fetching, the MLmodel file, the input example."""
