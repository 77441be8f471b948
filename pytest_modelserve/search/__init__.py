"""The loop that looks for a breach: edge cases first, then random ones, then the smallest case that still fails."""
