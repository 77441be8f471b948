"""Models that are wrong before they run: signature, example, requirements, and the way they load."""

from __future__ import annotations

from typing import Any, Final

from ..animal import CONTRACT, Animal
from ..species import GRADES, NETWORK, PARCELS, split

ISSUES: Final = "https://github.com/mlflow/mlflow/issues"
PINS: Final = ["numpy==2.2.6", "pandas==2.3.3"]
ROWS: Final[list[list[Any]]] = [["north", 11, 12.5], ["south", 12, 3.0]]

PAPERS: Final = (
    Animal(
        name="has_no_signature",
        species=PARCELS,
        source=f"{ISSUES}/25593",
        check="signature_lint",
        papers={"signature": {}},
    ),
    Animal(
        name="has_an_example_that_breaks_its_signature",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/pull/12625",
        check="signature_lint",
        papers={"example": split(["zone", "number", "weight"], ["north", 11.5, 12.5])},
    ),
    Animal(
        name="has_two_examples_that_disagree",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/pull/12625",
        check="signature_lint",
        papers={
            "given": {
                "inputs": {"columns": ["zone", "number", "weight"], "data": [["north", 11, 99.5]]},
                "params": {"discount": 0.0, "currency": "EUR"},
            }
        },
    ),
    Animal(
        name="wants_a_package_that_it_does_not_require",
        species=NETWORK,
        source="https://github.com/kserve/kserve/issues/4122",
        check="environment_restores",
        healthy="import numpy as np",
        broken="import numpy as np\nimport scipy",
    ),
    Animal(
        name="requires_what_cannot_be_met_together",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/issues/4802",
        check="environment_restores",
        papers={"requirements": [*PINS, "numpy<2"]},
    ),
    Animal(
        name="records_two_versions_of_one_package",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/issues/7497",
        check="environment_parity",
        papers={"requirements": PINS, "conda_pins": ["numpy==2.1.3", "pandas==2.3.3"]},
    ),
    Animal(
        name="imports_from_outside_its_environment",
        species=NETWORK,
        source="https://github.com/kserve/kserve/issues/4122",
        check="environment_parity",
        healthy="import numpy as np",
        broken="""
        import sys
        from pathlib import Path
        sys.path.append(str(Path(__file__).parents[2] / "shared"))
        import numpy as np
        import lent
        """,
    ),
    Animal(
        name="brings_a_package_of_its_own_in_another_version",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/pull/8687",
        check="environment_parity",
        papers={"code": {"numpy_financial.py": "x = 1\n"}},
    ),
    Animal(
        name="raises_while_it_loads",
        species=NETWORK,
        source="https://github.com/SeldonIO/MLServer/issues/2056",
        check="server_starts",
        healthy="return Network()",
        broken='raise ValueError("the weights are torn")',
    ),
    Animal(
        name="ends_its_process_while_it_loads",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/pull/12473",
        check="server_starts",
        healthy="return Network()",
        broken="os._exit(7)",
    ),
    Animal(
        name="reads_its_weights_from_where_it_is_started",
        species=NETWORK,
        source=CONTRACT,
        check="server_starts",
        healthy="return Network()",
        broken='return open("code/weights.npy") and Network()',
    ),
    Animal(
        name="raises_on_its_own_example",
        species=GRADES,
        source=CONTRACT,
        check="predicts_input_example",
        healthy="passed = present & (known > 50.0)",
        broken='passed = present & pd.Series(known).map({71.5: True, 20.0: False}.__getitem__).to_numpy()',
    ),
)
