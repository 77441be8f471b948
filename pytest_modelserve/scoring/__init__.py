"""The built-in scoring server: MLflow's protocol in front of a worker that holds the model."""
