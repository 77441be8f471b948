"""The rules of the contract as checks: what is sent, how the answer is judged, what a breach says."""
