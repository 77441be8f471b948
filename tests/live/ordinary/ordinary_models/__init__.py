"""Ordinary models by family, each a function that fits one and says what its author gives to MLflow."""
