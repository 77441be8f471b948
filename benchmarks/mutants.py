"""Change the enforcement in `scoring/` in thousands of small ways and tell which changes the tests do not notice.

Run: python benchmarks/mutants.py                         every mutant of the enforcement
     python benchmarks/mutants.py --module scalars        those of one module; may be repeated
     python benchmarks/mutants.py --sample 400 --seed 1   a sample, spread over all modules
     python benchmarks/mutants.py --write                 and write mutants_results.json and docs/explanation/mutants.md

A mutant is killed when a test fails or burns many times its usual processor time. One that survives needs a reason in
`mutants_survivors.toml`, found again by module, function and text; without one the run ends with 1.

Why no library: mutmut 3 changes bodies of functions only, and much of what is enforced here is in tables and regular
expressions; cosmic-ray starts an interpreter a mutant, which is seconds for what takes tenths here. The tests are
collected once; each mutant is a fork in which one function's code is exchanged, and which runs the tests that reach the
changed lines, those that killed others first. Where the change lies outside functions, the fork is made before the
tests are collected and loads the changed module instead.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import pytest
from mutant_edits import Mutant
from mutant_forks import Outcome, exchange, load_instead, run_forks, stream_fork
from mutant_report import Reasons, Tally, as_markdown, as_text, merged
from mutations import find_mutants

ROOT: Final = Path(__file__).resolve().parent.parent
SCORING: Final = ROOT / "pytest_modelserve" / "scoring"
MODULES: Final = (
    *("scalars", "cells", "columns", "envelopes", "inputs", "tensors", "parameters", "csv_text", "json_text"),
    *("parquet", "media", "body", "unsigned", "encode", "errors", "app", "prediction", "responses"),
    *("v2_request", "v2_inputs", "v2_binary", "v2_datatypes", "v2_untyped", "v2_answer", "v2_routes", "v2_metadata"),
)
TESTS: Final = ("tests/unit/scoring", "tests/unit/strategies/test_against_scoring.py")
IN_PROCESSES: Final = ("test_main.py", "test_worker_link.py")  # they start servers, which no mutant reaches


NEW_S: Final = 0.002  # what a test may cost that nobody has measured


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests reach which lines, and what they cost.

    Attributes:
        seconds: Of processor time, by test.
        tests: By module and line.
    """

    seconds: dict[str, float]
    tests: dict[str, dict[int, list[str]]]

    def pick(self, mutant: Mutant, killers: Counter[str], items: dict[str, Any]) -> list[Any]:
        """Return the tests of a mutant, the most promising first: those of its module, then what killed others."""
        by_line = self.tests.get(mutant.module, {})
        first, last = mutant.lines
        lines = range(first, last + 1) if mutant.is_inside else by_line
        found = {test for line in lines for test in by_line.get(line, ())}
        new = items.keys() - self.seconds.keys()  # of which an older measurement knows nothing
        mixed = self._mixed((found & items.keys()) | new, killers)
        own = f"/test_{mutant.module}.py::"
        first_ones = sorted(mixed, key=lambda test: own not in test)
        # a constant is also used where it is imported, by tests that reach no line of its own module
        rest = [] if mutant.is_inside else self._mixed(items.keys() - set(first_ones), killers)
        return [items[test] for test in (*first_ones, *rest)]

    def _mixed(self, found: Iterable[str], killers: Counter[str]) -> list[str]:
        """Return what killed most first, then one case of each test after the other, the quick ones first.

        New tests come before those: they are most often there for the mutants that lived.
        """
        place: Counter[str] = Counter()
        ordered: list[tuple[int, int, float, str]] = []
        for test in sorted(found, key=lambda test: (self.seconds.get(test, NEW_S), test)):
            name = test.partition("[")[0]
            place[name] += 1
            ordered.append(
                (-killers[test], place[name] if test in self.seconds else 0, self.seconds.get(test, NEW_S), test)
            )
        return [test for *_, test in sorted(ordered)]


def main() -> int:
    options = parse_options()
    os.chdir(ROOT)
    warm_up()
    texts = {module: (SCORING / f"{module}.py").read_text() for module in options.module or MODULES}
    mutants = [mutant for module, text in texts.items() for mutant in find_mutants(module, text)]
    is_whole = not options.sample and not options.again
    if options.again:
        mutants = survivors_of(Path(options.again), mutants, texts)
    if options.sample:
        mutants = spread_sample(mutants, options.sample, options.seed)
    reasons = Reasons.read(Path(__file__).with_name("mutants_survivors.toml"))
    reach = measure_reach(options.reach)
    tally = Tally(texts, reasons, is_whole=is_whole)
    for done, (mutant, outcome) in enumerate(judge(mutants, texts, reach, options), 1):
        tally.add(mutant, outcome)
        if outcome.is_survivor or not done % 50:
            survivor = tally.line_of(mutant) if outcome.is_survivor else ""
            print(f"{done}/{len(mutants)} {survivor}", file=sys.stderr, flush=True)
    print(as_text(tally))
    if options.json:
        Path(options.json).write_text(json.dumps(tally.as_json(), indent=1) + "\n")
    if options.write:
        kept = Path(__file__).with_name("mutants_results.json")
        *earlier, last = json.loads(kept.read_text())
        last = merged(last, tally.as_json(), MODULES)
        kept.write_text(json.dumps([*earlier, last], indent=1) + "\n")
        (ROOT / "docs" / "explanation" / "mutants.md").write_text(as_markdown(last))
    return 0 if tally.is_good else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", action="append", choices=MODULES)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--budget", type=float, default=0.0, help="seconds of tests for each mutant; one that lives longer has survived"
    )
    parser.add_argument("--reach", help="what the tests reach, measured before; new tests are tried on every mutant")
    parser.add_argument("--again", help="results of --json: try only their survivors that nobody explained")
    parser.add_argument("--json", help="a file for the results")
    parser.add_argument(
        "--write", action="store_true", help="put the rows of the modules into the results and the page"
    )
    options = parser.parse_args()
    if options.write and (options.sample or options.again):
        parser.error("--write tells of whole modules: leave out --sample and --again")
    return options


def warm_up() -> None:
    """Import once what every fork needs; nothing of `scoring`, which some forks load changed."""
    os.environ.update(MODELSERVE_TEST_PROFILE="fixed", OPENBLAS_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    sys.path.insert(0, str(ROOT))
    for name in ("fastapi", "httpx", "hypothesis", "numpy", "orjson", "pandas", "pyarrow.parquet", "pytest"):
        __import__(name)
    __import__("pytest_modelserve.strategies")
    assert not any(name.startswith("pytest_modelserve.scoring") for name in sys.modules)


def survivors_of(results: Path, mutants: Sequence[Mutant], texts: dict[str, str]) -> list[Mutant]:
    """Return the mutants that an earlier run could neither kill nor explain."""
    names = ("module", "function", "was", "becomes")
    lived = {
        tuple(one[name] for name in names)
        for one in json.loads(results.read_text())["survivors"]
        if one["because"] is None
    }
    return [one for one in mutants if (one.module, one.function, *one.diff(texts[one.module])) in lived]


def spread_sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """Return a random sample in which every module has its share."""
    by_module: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_module[mutant.module].append(mutant)
    chance = random.Random(seed)
    return [
        mutant
        for found in by_module.values()
        for mutant in chance.sample(found, min(len(found), round(size * len(found) / len(mutants)) or 1))
    ]


def judge(  # noqa: C901 # what runs in which fork reads best side by side
    mutants: Sequence[Mutant], texts: dict[str, str], reach: Reach, options: argparse.Namespace
) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield what came of each mutant."""
    inside = [mutant for mutant in mutants if mutant.is_inside]
    outside = [mutant for mutant in mutants if not mutant.is_inside]
    killers: Counter[str] = Counter()

    def judge_inside(report: Callable[[Any], None]) -> None:
        """In a fork that has collected the tests, and forks again for each mutant."""

        def loop(session: pytest.Session) -> None:
            gc.freeze()  # or every fork copies the memory that it only looks at
            items = {item.nodeid: item for item in session.items}

            def work(mutant: Mutant) -> str | None:
                exchange(f"pytest_modelserve.scoring.{mutant.module}", mutant.apply(texts[mutant.module]), mutant)
                return run_until_failure(session, reach.pick(mutant, killers, items), reach.seconds, options.budget)

            for mutant, outcome in run_forks(inside, work, options.jobs):
                killers[outcome.killer or ""] += 1
                report((mutant, outcome))

        run_pytest(loop)

    def judge_outside(mutant: Mutant) -> str | None:
        """In a fork that has collected nothing."""
        file = SCORING / f"{mutant.module}.py"
        load_instead(f"pytest_modelserve.scoring.{mutant.module}", file, mutant.apply(texts[mutant.module]))
        found: list[str | None] = []

        def loop(session: pytest.Session) -> None:
            gc.freeze()  # or every fork copies the memory that it only looks at
            items = {item.nodeid: item for item in session.items}
            if not session.testsfailed:
                found.append(
                    run_until_failure(session, reach.pick(mutant, killers, items), reach.seconds, options.budget)
                )

        own = [
            file
            for file in (f"{TESTS[0]}/test_{mutant.module}.py", f"{TESTS[0]}/test_refusals.py")
            if Path(file).exists()
        ]
        for files in (own, TESTS):  # most are killed without collecting everything
            found.clear()
            run_pytest(loop, files)
            if not found or found[0]:
                break
        return found[0] if found else "collection"

    if inside:
        yield from stream_fork(judge_inside)
    for mutant, outcome in run_forks(outside, judge_outside, options.jobs):
        killers[outcome.killer or ""] += 1
        yield mutant, outcome


def run_pytest(loop: Callable[[Any], None], files: Sequence[str] = TESTS) -> None:
    """Collect the tests and hand them to a loop of our own, whose errors pytest would only print."""
    failed: list[Exception] = []

    class Loop:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            try:
                loop(session)
            except Exception as error:  # noqa: BLE001 # pytest would print it and end as if all had been done
                failed.append(error)
            return True

    with tempfile.TemporaryDirectory() as cache:
        ignored = [f"--ignore={TESTS[0]}/{name}" for name in IN_PROCESSES]
        warm = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported before pytest could rewrite it
        plugins = [*warm, "-p", "no:randomly", "-p", "no:xdist", "-o", f"cache_dir={cache}", "-o", "timeout=60"]
        pytest.main([*files, *ignored, "-q", "-s", "--tb=native", "--assert=plain", *plugins], plugins=[Loop()])
    if failed:
        raise failed[0]


def run_each(session: pytest.Session, items: Sequence[Any]) -> Iterator[tuple[str, bool]]:
    """Run tests one after the other and yield each one's id before it runs, and again with whether it failed."""
    failed: list[str] = []

    class Watch:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                failed.append(report.nodeid)

    watch = Watch()
    session.config.pluginmanager.register(watch)
    for at, item in enumerate(items):
        yield item.nodeid, False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=items[at + 1] if at + 1 < len(items) else None)
        yield item.nodeid, item.nodeid in failed
    session.config.pluginmanager.unregister(watch)


def run_until_failure(
    session: pytest.Session, items: Sequence[Any], seconds: dict[str, float], budget_s: float
) -> str | None:
    """Run tests until one fails, whose id comes back; the process ends where one burns far more than it used to."""
    spent = list(accumulate(seconds.get(item.nodeid, NEW_S) for item in items))
    within = [item for item, so_far in zip(items, [0.0, *spent], strict=False) if not budget_s or so_far < budget_s]
    for test, is_failed in run_each(session, within):
        signal.setitimer(signal.ITIMER_PROF, 5 + 20 * seconds.get(test, NEW_S))
        if is_failed:
            return test
    return None


def measure_reach(older: str | None) -> Reach:
    """Run the unchanged tests once, or read what that gave for the same files."""
    kept = Path(older or Path(tempfile.gettempdir()) / f"modelserve-mutants-{digest_of_files()}.json")
    if not kept.exists():
        found = next(iter(stream_fork(lambda report: run_pytest(lambda session: report(trace(session))))))
        if found["failed"]:
            raise SystemExit(f"Tests fail without any change: {', '.join(found['failed'])}")
        kept.write_text(json.dumps(found))
    found = json.loads(kept.read_text())
    tests = {module: {int(line): tests for line, tests in lines.items()} for module, lines in found["tests"].items()}
    return Reach(found["seconds"], tests)


def trace(session: pytest.Session) -> dict[str, Any]:
    """Run every test, and tell the lines of `scoring` that each reaches."""
    import coverage

    seconds: dict[str, float] = {}
    failed: list[str] = []
    measured = coverage.Coverage(data_file=None, include=[f"{SCORING}/*"], config_file=False)
    measured.start()
    for test, is_failed in run_each(session, session.items):
        if test not in seconds:
            measured.switch_context(test)
        seconds[test] = time.process_time() - seconds.get(test, 0.0)
        failed += [test] if is_failed else []
    measured.stop()
    data = measured.get_data()
    tests = {
        Path(file).stem: {
            line: [test for test in found if test] for line, found in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    return {"seconds": seconds, "tests": tests, "failed": failed}


def digest_of_files() -> str:
    found = hashlib.sha256()
    for file in sorted(files_that_matter()):
        found.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return found.hexdigest()[:16]


def files_that_matter() -> Iterable[Path]:
    yield from (ROOT / "pytest_modelserve").rglob("*.py")
    yield from (ROOT / "tests" / "unit" / "scoring").rglob("*.py")
    yield from (ROOT / "tests" / "unit" / "strategies").glob("*.py")


if __name__ == "__main__":
    sys.exit(main())
