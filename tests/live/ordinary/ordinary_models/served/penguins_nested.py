"""Tells a penguin's species from its bill."""

import joblib
import mlflow
import numpy as np
import pandas as pd


class Species(mlflow.pyfunc.PythonModel):
    """Classify birds that are described by objects."""

    def load_context(self, context):
        """Load the classifier."""
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        """Return the species, and how many notes were taken."""
        bills = np.array([[bill["length"], bill["depth"]] for bill in model_input["bill"]], dtype=float)
        return pd.DataFrame(
            {"species": self.model.predict(bills.reshape(-1, 2)), "n_notes": model_input["notes"].map(len)}
        )


mlflow.models.set_model(Species())
