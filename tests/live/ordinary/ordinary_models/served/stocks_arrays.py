"""Tells the next price from the prices so far."""

import joblib
import mlflow
import numpy as np
import pandas as pd


class NextPrice(mlflow.pyfunc.PythonModel):
    """Regress the next step on the last one."""

    def load_context(self, context):
        """Load the regression."""
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        """Return the next price and its limits."""
        return pd.DataFrame([self._next(np.array(prices, dtype=float)) for prices in model_input["prices"]])

    def _next(self, prices):
        if len(prices) < 2 or not (np.isfinite(prices).all() and (prices > 0).all()):
            raise ValueError("at least two prices are needed, and each above zero")
        step = float(self.model.predict([[np.log(prices[-1] / prices[-2])]])[0])
        spread = max(float(np.std(np.diff(np.log(prices)))), 0.01)
        factors = np.exp(np.array([step, step - 2 * spread, step + 2 * spread]))
        following, low, high = (prices[-1] * factors).tolist()
        return {"next": following, "limits": [low, high]}


mlflow.models.set_model(NextPrice())
