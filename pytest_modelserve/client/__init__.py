"""Send requests to a scoring server and read its answers."""
