"""Writes the pages that come from tables in the code and in the zoo: `python docs/reference/generate.py`.

A test runs it with `--check`, which fails where a page is not what the tables say.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest_modelserve
from pytest_modelserve import fixtures, plugin, strategies
from pytest_modelserve.checks.table import CHECKS, PRESETS, STATIC_RULES
from pytest_modelserve.checks.v2_rules import V2_RULES
from pytest_modelserve.options import OPTIONS
from pytest_modelserve.server.deviations import DEVIATIONS, Example
from pytest_modelserve.strategies.rules import RULES
from pytest_modelserve.strategies.showcase import example_of

HERE = Path(__file__).parent
ZOO = HERE.parents[1] / "tests"  # the folder from which the zoo is imported
LONGEST_PART = 400  # characters of a body
NOTE = "<!-- Made by docs/reference/generate.py from the tables in the code; do not edit. -->"


def options() -> Iterator[str]:
    """Yield the page of options."""
    yield "# Options"
    yield NOTE
    yield (
        "Every option has a twin in the ini file and in the environment. The strongest wins: the keywords of the "
        "`served_model` marker, the command line, the environment, the ini file, the default."
    )
    yield "| option | ini key, environment variable, marker keyword | default | meaning |\n|---|---|---|---|"
    for option in OPTIONS:
        keyword = "the argument" if option.name == "uri" else f"`{option.name}`"
        twins = f"`{option.key}`, `{option.variable}`, {keyword}"
        flag = f"`{option.flag} {option.metavar}`" if option.metavar else f"`{option.flag}`"
        yield f"| {flag} | {twins} | {shown(option.default)} | {option.help} |"


def checks() -> Iterator[str]:
    """Yield the page of checks."""
    yield "# Checks"
    yield NOTE
    yield "Each check is a pytest item, or one item a variant. The presets are for `--model-checks`."
    yield f"| check | judges | {' | '.join(PRESETS)} | what it proves |\n|---|---|{'---|' * len(PRESETS)}---|"
    for check in CHECKS:
        presets = " | ".join("yes" if preset in check.presets else "" for preset in PRESETS)
        yield f"| `{check.name}` | {check.judges.value} | {presets} | {check.purpose} |"


def rules() -> Iterator[str]:
    """Yield the page of rules."""
    yield "# Rules"
    yield NOTE
    yield (
        "Each rule is a variant of `rejects_invalid` or `rejects_malformed`; `accepts_valid` exercises those about "
        "valid requests. *accept*: 200, and a right answer. *reject*: 4xx with a JSON error body, the model not "
        "reached. *either*: both are legal, but never a 5xx, a hang or a lost connection. The example is one of the "
        "requests that exercise a rule, for a model that takes what stands below it; `modelserve explain RULE` shows "
        "the same."
    )
    yield "| rule | about | the server must | why | example |\n|---|---|---|---|---|"
    for rule in RULES:
        shown_by = example_of(rule.id)
        request = f"{in_cell(shown_by.request)}<br>{in_cell(shown_by.signature)}"
        yield f"| `{rule.id}` | {rule.section} | {rule.wanted} | {rule.why} | {request} |"
    for check, table in STATIC_RULES.items():
        yield f"## Of `{check}`"
        yield "Held without a request. A *breach* fails the check; *advice* is printed and fails nothing."
        yield "| rule | weight | what it says | what to do |\n|---|---|---|---|"
        for static in table:
            yield f"| `{static.id}` | {static.weight} | {static.meaning} | {static.mend} |"
    yield "## Of `v2_conformance`"
    yield "Of the Open Inference Protocol (V2), each about the input example."
    yield "| rule | what the server does that keeps it |\n|---|---|"
    for one in V2_RULES:
        yield f"| `{one.id}` | {one.meaning} |"


def deviations() -> Iterator[str]:
    """Yield the page of known deviations."""
    yield "# Known deviations"
    yield NOTE
    yield (
        "In these points a server is known to depart from the [rules](rules.md). A check that meets one as expected "
        "passes and tells it; `--model-strict` fails it. One that a check should have met and did not is told as "
        "advice: it may be mended. None excuses the model: what it raises on a valid request that reached it as it "
        "was sent, and NaN in a required output, are its own failures on every server. The request is to one of the "
        "models in `example_models` or `benchmarks/models`, served by `modelserve serve MODEL --server` with its name; "
        "`python benchmarks/deviations.py` sends all of them to real servers again."
    )
    for server in sorted({one.server for one in DEVIATIONS}):
        yield f"## {server}"
        yield "| deviation | versions | rule | what happens | request | answer |\n|---|---|---|---|---|---|"
        for one in (each for each in DEVIATIONS if each.server == server):
            named = ", ".join(f"`{rule}`" for rule in one.rules) or "any"
            yield (
                f"| [`{one.id}`]({one.link}) | `{one.versions}` | {named} | {one.what} | {sent(one.example)} | "
                f"{one.example.status}{', by the model' if one.example.reaches else ''} |"
            )


def sent(example: Example) -> str:
    """Return an example request as the cell of a table: where it goes, its type, and its body where that is short."""
    typed = f", {in_cell(example.content_type)}" if example.content_type else ""
    early = f", while it starts with `--model-workers {example.workers}`" if example.is_early else ""
    where = f"`{example.model}`<br>{example.method} {example.path}{typed}{early}"
    shown_body = "".join(shown_part(part, times) for part, times in example.body)
    return f"{where}<br>{in_cell(shown_body)}" if shown_body else where


def shown_part(part: bytes, times: int) -> str:
    """Return a part of a body as a reader takes it in."""
    is_utf_16 = part[:2] in {b"\xff\xfe", b"\xfe\xff"}
    text_of = part.decode("utf-16" if is_utf_16 else "utf-8", "backslashreplace")
    line = ("in UTF-16: " if is_utf_16 else "") + text_of.replace("\n", "\\n")
    short = line if len(line) <= LONGEST_PART else f"{line[: LONGEST_PART // 2]}…{line[-LONGEST_PART // 4 :]}"
    return short if times == 1 else f"{short} × {times:,} "


def in_cell(code: str) -> str:
    """Return code as a cell of a table holds it."""
    escaped = code.replace("|", "\\|")
    return f"`{escaped}`"


def api() -> Iterator[str]:
    """Yield the page of fixtures, markers and public names."""
    yield "# Fixtures, markers and the Python API"
    yield NOTE
    yield "## Fixtures"
    yield (
        "All are session-scoped. They serve the model of the test's `served_model` marker, else of `--model-uri`; with "
        "several models a test runs once for each."
    )
    yield "| fixture | what it is |\n|---|---|"
    for name in plugin.__all__:
        yield f"| `{name}` | {summary(getattr(fixtures, name))} |"
    yield "## Markers"
    yield "| marker | meaning |\n|---|---|"
    for marker in plugin.MARKERS:
        name, _, meaning = marker.partition(": ")
        yield f"| `{name}` | {meaning} |"
    yield "## Names of `pytest_modelserve`"
    yield "| name | what it is |\n|---|---|"
    for name in pytest_modelserve.__all__:
        yield f"| `{name}` | {summary(getattr(pytest_modelserve, name))} |"
    yield "## Names of `pytest_modelserve.strategies`"
    yield "| name | what it is |\n|---|---|"
    for name in strategies.__all__:
        thing = getattr(strategies, name)
        said = summary(thing) if callable(thing) else "The table of rules: see [Rules](rules.md)."
        yield f"| `{name}` | {said} |"


def catches() -> Iterator[str]:
    """Yield the page of defects."""
    sys.path.insert(0, str(ZOO))
    from zoo.animals import ANIMALS
    from zoo.servers.cast import SERVERS

    yield "# What catches what"
    yield NOTE
    yield (
        "Each row is a model or a server that is broken on purpose in one place, and the check that is expected to "
        "catch it; others may as well. The same model or server without the defect passes all checks. "
        "`pytest tests/zoo` holds each against all checks at their defaults. Where a defect was seen in the world, its "
        "issue is linked; the others break a rule of the contract that nobody has reported yet."
    )
    yield f"## {len(ANIMALS)} models"
    yield "| what the model does | inputs | caught by | seen in |\n|---|---|---|---|"
    for animal in sorted(ANIMALS, key=lambda animal: order(animal.check)):
        yield f"| {words(animal.name)} | {animal.species.inputs} | `{animal.check}` | {link(animal.source)} |"
    yield f"## {len(SERVERS)} servers"
    yield "A server without a spy tells nothing of the model's calls, as one that runs elsewhere."
    yield "| what the server does | spy | caught by | seen in |\n|---|---|---|---|"
    for server in sorted(SERVERS, key=lambda server: order(server.check)):
        spy = "yes" if server.has_spy else "no"
        yield f"| {words(server.name)} | {spy} | `{server.check}` | {link(server.source)} |"


def order(check: str) -> tuple[int, str]:
    """Return where a check stands in the table of checks; last, where it does not."""
    return next((at for at, known in enumerate(CHECKS) if known.name == check), len(CHECKS)), check


def words(name: str) -> str:
    """Return a name as words."""
    return name.replace("_", " ")


def link(source: str) -> str:
    """Return a link to an issue, named as people write it: `mlflow#11014`; nothing where there is none."""
    if not source.startswith("https://"):
        return ""
    *_, repository, _kind, number = source.split("/")
    return f"[{repository}#{number}]({source})"


def summary(thing: object) -> str:
    """Return the first paragraph of what a thing says of itself, on one line."""
    said = inspect.getdoc(getattr(thing, "__wrapped__", thing)) or ""
    return " ".join(said.partition("\n\n")[0].split())


def shown(default: object) -> str:
    """Return a default as a reader wants it."""
    if default in (None, (), ""):
        return ""
    if isinstance(default, tuple):
        return f"`{', '.join(default)}`"
    return f"`{default}`" if not isinstance(default, dict) else ""


def pages() -> dict[Path, str]:
    """Return each page with its text: table rows on lines of their own, all else in paragraphs."""
    made = {"options.md": options(), "checks.md": checks(), "rules.md": rules(), "deviations.md": deviations()}
    made["api.md"] = api()
    found = {HERE / name: text(list(blocks)) for name, blocks in made.items()}
    return {**found, HERE.parent / "explanation" / "what-catches-what.md": text(list(catches()))}


def text(blocks: list[str]) -> str:
    """Join blocks into Markdown."""
    joined = blocks[0]
    for before, block in itertools.pairwise(blocks):
        joined += ("\n" if before.startswith("|") and block.startswith("|") else "\n\n") + block
    return joined + "\n"


def main() -> int:
    """Write the pages, or with `--check` tell which are out of date."""
    stale = [path for path, page in pages().items() if not path.exists() or path.read_text("utf-8") != page]
    if "--check" in sys.argv:
        sys.stdout.writelines(f"out of date: {path.name}\n" for path in stale)
        return 1 if stale else 0
    for path, page in pages().items():
        path.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
