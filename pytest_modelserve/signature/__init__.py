"""The signature of a model: what it takes and what it gives, as frozen specs."""
