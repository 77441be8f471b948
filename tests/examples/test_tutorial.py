"""The first-run page, followed step by step."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "first-run.md").read_text("utf-8")


def check(model: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", f"--model-uri={model}", f"--model-cache-dir={cache}", *arguments],
        cwd=model.parent,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_breaking_the_model_is_told_as_the_page_says(tmp_path: Path, cache_dir: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(ROOT / "example_models" / "penguins_rules", model)
    lines = PAGE.partition("```python\n")[2].partition("```")[0].rstrip().splitlines()
    source = model / "code" / "penguin_bayes.py"
    text = source.read_text("utf-8")
    start = text.index("        chosen = {")
    source.write_text(text[:start] + "".join(f"        {line}\n" for line in lines) + text[start:], encoding="utf-8")

    done = check(model, cache_dir, "-p", "no:randomly", "-k", "accepts_valid and split")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of 6 cells differ" in done.stdout
    assert "body_mass_g" in done.stdout
    assert "KeyError: 'no such weight'" in done.stdout
    assert f"modelserve serve {model} --port 5001" in done.stdout
    assert "curl -sS http://127.0.0.1:5001/invocations" in done.stdout
