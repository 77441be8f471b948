"""Tells the tip from the day and the bill."""

import joblib
import mlflow
import pandas as pd


class Tips(mlflow.pyfunc.PythonModel):
    """Give the booster the categories that it was trained on; a day that it never saw is missing to it."""

    def load_context(self, context):
        """Load the booster and its categories."""
        loaded = joblib.load(context.artifacts["model"])
        self.booster, self.days = loaded["booster"], loaded["days"]

    def predict(self, context, model_input, params=None):
        """Return the tip of each row."""
        day = pd.Categorical(model_input["day"], categories=self.days)
        return self.booster.predict(model_input.assign(day=day)[["day", "total_bill", "size"]]).astype("float64")


mlflow.models.set_model(Tips())
