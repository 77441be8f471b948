"""What the entry point costs a pytest run that does not use us."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"pandas", "numpy", "hypothesis", "httpx", "fastapi", "uvicorn", "yaml", "mlflow", "jsonschema", "virtualenv"}

COUNT = """
import json, sys
import pytest
before = set(sys.modules)
import pytest_modelserve.plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""

RUN = """
import json, sys, pytest
plugins = ["xprocess.pytest_xprocess", "pytest_modelserve.plugin"]
folder = sys.argv[1]
options = ["-q", "-p", "no:cacheprovider", "--rootdir", folder, *(f"-p{name}" for name in plugins)]
code = pytest.main([*options, folder])
print("\\n" + json.dumps([int(code), sorted(sys.modules)]))
"""


def run(code: str, *arguments: str, **env: str) -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_the_entry_point_adds_few_modules() -> None:
    added = json.loads(run(COUNT))
    assert len(added) <= 15, added
    assert {name.partition(".")[0] for name in added} <= {"pytest_modelserve", *sys.stdlib_module_names}


@pytest.mark.parametrize("asked", ["", "test_plain.py", "test_plain.py::test_plain"])
def test_a_run_without_us_imports_nothing_heavy(tmp_path: Path, asked: str) -> None:
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass\n")
    place, colon, name = asked.partition("::")
    named = f"{tmp_path / place}{colon}{name}"
    code, modules = json.loads(run(RUN, str(tmp_path), named, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"))
    assert code == 0
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()


def test_a_fixture_that_is_called_like_one_of_ours_wakes_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import pytest\n@pytest.fixture\ndef latency(): return 1\ndef test_plain(latency): assert latency == 1\n"
    )
    code, modules = json.loads(run(RUN, str(tmp_path), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"))
    assert code == 0
    assert "pytest_modelserve.run" not in modules
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
