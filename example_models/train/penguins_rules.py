"""Train `penguins_rules`: naive Bayes on the Palmer penguins, numpy and pandas alone, no MLflow where it runs.

Run with Python 3.11 and: mlflow==3.17.2 numpy==2.2.6 pandas==2.3.3 palmerpenguins==0.1.6 (the data)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, Schema
from palmerpenguins import load_penguins
from saving import LOADERS, save_into, without_mlflow

sys.path.insert(0, str(LOADERS))
from penguin_bayes import PenguinBayes

REQUIREMENTS = ["numpy==2.2.6", "pandas==2.3.3"]
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
LABELS = ["island", "sex"]
INPUTS = Schema(
    [
        ColSpec(DataType.string, "island"),
        *(ColSpec(DataType.double, name) for name in MEASURES),
        ColSpec(DataType.string, "sex", required=False),
    ]
)
PARAMS = {"unsure_below": 0.0}


def train(penguins: pd.DataFrame) -> dict[str, object]:
    """Return means, spreads and frequencies, one number a species, in the order of their names."""
    groups = [group for _, group in penguins.groupby("species", sort=True)]
    return {
        "species": sorted(penguins["species"].unique()),
        "log_prior": [float(np.log(len(group) / len(penguins))) for group in groups],
        "measures": {
            name: {
                "mean": [round(float(group[name].mean()), 4) for group in groups],
                "spread": [round(float(group[name].std()), 4) for group in groups],
            }
            for name in MEASURES
        },
        "labels": {
            name: {
                level: [
                    round(float(np.log(((group[name] == level).sum() + 1) / (group[name].notna().sum() + 3))), 4)
                    for group in groups
                ]
                for level in sorted(penguins[name].dropna().unique())
            }
            for name in LABELS
        },
    }


def main() -> None:
    penguins = load_penguins().sample(frac=1, random_state=7).reset_index(drop=True)
    fit_rows, test_rows = penguins[:260], penguins[260:]
    parameters = train(fit_rows)
    model = PenguinBayes(parameters)
    accuracy = float((model.predict(test_rows)["species"] == test_rows["species"].to_numpy()).mean())
    assert accuracy > 0.95, accuracy

    columns = [spec.name for spec in INPUTS]
    whole = test_rows[test_rows[columns].notna().all(axis=1)].head(5)
    gap = test_rows[test_rows["sex"].isna() & test_rows[MEASURES].notna().all(axis=1)].head(1)
    example = pd.concat([whole, gap])[columns].astype(dict.fromkeys(MEASURES, "float64")).reset_index(drop=True)
    example["sex"] = example["sex"].astype(object).where(example["sex"].notna(), None)
    signature = ModelSignature(
        inputs=INPUTS,
        outputs=infer_signature(example, model.predict(example, PARAMS)).outputs,
        params=infer_signature(params=PARAMS).params,
    )

    def save(path: str) -> None:
        mlflow.pyfunc.save_model(
            path,
            loader_module="penguin_bayes",
            data_path=str(parameters_file),
            code_paths=[str(LOADERS / "penguin_bayes.py")],
            signature=signature,
            input_example=(example, PARAMS),
            pip_requirements=REQUIREMENTS,
            metadata={"test_accuracy": round(accuracy, 3)},
        )
        without_mlflow(path)

    with tempfile.TemporaryDirectory() as scratch:
        parameters_file = Path(scratch) / "penguins.json"
        parameters_file.write_text(json.dumps(parameters, indent=1), encoding="utf-8")
        save_into("penguins_rules", save)


if __name__ == "__main__":
    main()
