"""Reads a digit off a picture."""

import io

import joblib
import mlflow
import numpy as np
from PIL import Image


class Digits(mlflow.pyfunc.PythonModel):
    """Classify pictures of any size and format that Pillow reads."""

    def load_context(self, context):
        """Load the classifier."""
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        """Return the digit of each picture."""
        pixels = [self._pixels(image) for image in model_input["image"]]
        return self.model.predict(np.array(pixels).reshape(-1, 64))

    def _pixels(self, image):
        picture = Image.open(io.BytesIO(image)).convert("L").resize((8, 8))
        return np.asarray(picture, dtype="float64") / 15


mlflow.models.set_model(Digits())
