"""Train `old_world`: ridge regression on the diabetes study, saved as it was done in early 2024.

Run with Python 3.10 and: mlflow==2.11.5 numpy==1.26.4 pandas==1.5.3 scikit-learn==1.2.2 scipy==1.11.4 joblib==1.3.2
cloudpickle==3.0.0 setuptools==69.5.1
"""

from __future__ import annotations

import mlflow.sklearn
from mlflow.models import infer_signature
from saving import save_into
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

REQUIREMENTS = [
    "mlflow==2.11.5",
    "cloudpickle==3.0.0",
    "joblib==1.3.2",
    "numpy==1.26.4",
    "pandas==1.5.3",
    "scikit-learn==1.2.2",
    "scipy==1.11.4",
    "setuptools==69.5.1",
]


def main() -> None:
    study = load_diabetes(as_frame=True, scaled=False)
    frame = study.data.astype({"age": "int64"})
    frame["sex"] = frame["sex"].map({1.0: "female", 2.0: "male"})
    numbers = [name for name in frame.columns if name != "sex"]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["sex"]),
        (StandardScaler(), numbers),
    )
    fit_x, test_x, fit_y, test_y = train_test_split(frame, study.target, random_state=7)
    model = make_pipeline(encode, Ridge()).fit(fit_x, fit_y)
    score = float(r2_score(test_y, model.predict(test_x)))
    assert score > 0.4, score

    example = test_x.head(5).reset_index(drop=True)
    save_into(
        "old_world",
        lambda path: mlflow.sklearn.save_model(
            model,
            path,
            signature=infer_signature(example, model.predict(example)),
            input_example=example,
            pip_requirements=REQUIREMENTS,
            metadata={"test_r2": round(score, 3)},
        ),
    )


if __name__ == "__main__":
    main()
