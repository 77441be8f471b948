"""Models that are wrong before they run: signature, example, requirements, and the way they load."""

from __future__ import annotations

import sysconfig
from typing import Final

from ..animal import CONTRACT, Animal
from ..species import GRADES, NETWORK, PARCELS, split

ISSUES: Final = "https://github.com/mlflow/mlflow/issues"
PURELIB: Final = sysconfig.get_path("purelib")  # of the interpreter that runs the tests
PINS: Final = ["numpy==2.2.6", "pandas==2.3.3"]

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
                "columns": ["zone", "number", "weight"],
                "data": [["north", 11, 99.5], ["south", 12, 3.0], ["south", 7, 0.5]],
            }
        },
    ),
    Animal(
        name="wants_a_package_that_it_does_not_require",
        species=NETWORK,
        source="https://github.com/kserve/kserve/issues/4122",
        check="server_starts",
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
        name="requires_a_version_that_does_not_exist",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/pull/8687",
        check="environment_restores",
        papers={"requirements": [PINS[0], "pandas==2.3.999"]},
    ),
    Animal(
        name="borrows_a_package_from_whoever_tests_it",
        species=NETWORK,
        source="https://github.com/kserve/kserve/issues/4122",
        check="environment_parity",
        healthy="import numpy as np",
        broken=f"""
        import sys
        sys.path.append({PURELIB!r})
        import numpy as np
        import iniconfig
        """,
    ),
    Animal(
        name="borrows_a_package_once_it_predicts",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/pull/8687",
        check="environment_parity",
        healthy='numbers = orders["number"].to_numpy()',
        broken=f"""
        import sys
        sys.path.append({PURELIB!r})
        import iniconfig
        numbers = orders["number"].to_numpy()
        """,
    ),
    Animal(
        name="raises_while_it_loads",
        species=NETWORK,
        source="https://github.com/SeldonIO/MLServer/issues/2056",
        check="server_starts",
        healthy="return Network(Path(path))",
        broken='raise ValueError("the weights are torn")',
    ),
    Animal(
        name="ends_its_process_while_it_loads",
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/pull/12473",
        check="server_starts",
        healthy="return Network(Path(path))",
        broken="os._exit(7)",
    ),
    Animal(
        name="reads_its_weights_from_where_it_is_started",
        species=NETWORK,
        source=CONTRACT,
        check="server_starts",
        healthy="return Network(Path(path))",
        broken='return Network(Path("data"))',
    ),
    Animal(
        name="raises_on_its_own_example",
        species=GRADES,
        source=CONTRACT,
        check="predicts_input_example",
        healthy="passed = present & (known > 50.0)",
        broken="passed = present & pd.Series(known).map({71.5: True, 20.0: False}.__getitem__).to_numpy()",
    ),
)
