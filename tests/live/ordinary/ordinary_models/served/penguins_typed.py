"""Tells a penguin's species; what it takes is said by type hints."""

import joblib
import mlflow
import pydantic


class Bird(pydantic.BaseModel):
    """A penguin."""

    bill_length_mm: float
    body_mass_g: int
    island: str | None = None


class Species(mlflow.pyfunc.PythonModel):
    """Classify birds."""

    def load_context(self, context):
        """Load the classifier."""
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, model_input: list[Bird], params=None) -> list[str]:
        """Return the species of each bird."""
        return [str(self.model.predict([[bird.bill_length_mm, bird.body_mass_g]])[0]) for bird in model_input]


mlflow.models.set_model(Species())
