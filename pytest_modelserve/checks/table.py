"""The table of checks: what there is, in the order it runs, and which presets contain it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome
from .batches import batch_invariant
from .bounds import bounded
from .budget import is_too_late, ran_out_before, timed
from .check import Check
from .conclusion import left_out
from .context import CheckContext
from .deviations import DeviationWatch
from .envelopes import envelopes_agree, why_one_envelope
from .good_request import why_no_request
from .history import TooManyLost
from .latencies import latency
from .leaks import leaks_nothing
from .lifetimes import starts_and_stops
from .lint import LINT_RULES, signature_lint
from .params import params_enforced, why_no_params
from .parity import PARITY_RULES, environment_parity
from .redaction import redacted
from .rejection import malformed_rules, mutation_rules, rejects_invalid, rejects_malformed
from .replays import forget, replays_stored
from .round_trips import round_trip_input, round_trip_output
from .rows import why_not_by_row
from .searches import envelopes_by_signature, valid_envelopes, why_no_inputs
from .servers import servers_agree
from .serving import environment_restores, predicts_input_example, server_starts, why_no_example
from .statelessness import stateless, stateless_variants
from .static_rule import StaticRule
from .survival import survives
from .v2_conformance import v2_conformance, v2_variants
from .validity import accepts_valid, matches_output_schema

SMOKE: Final = frozenset({"smoke", "default", "full"})
DEFAULT: Final = frozenset({"default", "full"})
WHOLE: Final = frozenset({""})  # of a check without variants
PRESETS: Final = ("smoke", "default", "full")

CHECKS: Final = (
    Check(
        name="environment_restores",
        judges=Judges.ENVIRONMENT,
        purpose="The model's recorded requirements build an interpreter in which it loads.",
        presets=SMOKE,
        run=environment_restores,
        takes_environment=True,
    ),
    Check(
        name="server_starts",
        judges=Judges.SERVER,
        purpose="The scoring server loads the model, answers one real prediction and says that it is ready.",
        presets=SMOKE,
        run=server_starts,
    ),
    Check(
        name="signature_lint",
        judges=Judges.SIGNATURE,
        purpose="The model has a signature that callers and servers can work with, and its own input example keeps it.",
        presets=SMOKE,
        run=signature_lint,
    ),
    Check(
        name="predicts_input_example",
        judges=Judges.MODEL,
        purpose="The exact request that MLflow wrote for the input example is answered as the signature declares.",
        presets=SMOKE,
        run=predicts_input_example,
        why_not=why_no_example,
    ),
    Check(
        name="replays_stored",
        judges=Judges.MODEL,
        purpose="What broke the contract in an earlier run, or is kept as a regression case, is mended and stays so.",
        presets=DEFAULT,
        run=lambda context, _: replays_stored(context, run_titled, can_replay),
    ),
    Check(
        name="accepts_valid",
        judges=Judges.MODEL,
        purpose="Every value that the signature allows is accepted, in every envelope.",
        presets=DEFAULT,
        run=accepts_valid,
        why_not=why_no_inputs,
        variants=valid_envelopes,
        takes_cases=True,
    ),
    Check(
        name="matches_output_schema",
        judges=Judges.MODEL,
        purpose="Every answer is strict JSON and has the declared names, types and shapes, one prediction a row.",
        presets=DEFAULT,
        run=matches_output_schema,
        why_not=why_no_inputs,
        takes_cases=True,
    ),
    Check(
        name="round_trip_input",
        judges=Judges.SERVER,
        purpose="What the model receives is what the client sent: each value, type, column and row, in every envelope.",
        presets=DEFAULT,
        run=round_trip_input,
        why_not=why_no_inputs,
        variants=envelopes_by_signature,
        takes_cases=True,
    ),
    Check(
        name="round_trip_output",
        judges=Judges.MODEL,
        purpose="What the client decodes is what the model returned, to the last digit; JSON can carry all of it.",
        presets=DEFAULT,
        run=round_trip_output,
        why_not=why_no_inputs,
        takes_cases=True,
    ),
    Check(
        name="envelopes_agree",
        judges=Judges.SERVER,
        purpose="The same rows get the same answer in every envelope, with row labels, and with columns in any order.",
        presets=DEFAULT,
        run=envelopes_agree,
        why_not=why_one_envelope,
    ),
    Check(
        name="params_enforced",
        judges=Judges.SERVER,
        purpose="Each declared param reaches the model as it was sent or as its default, and none a later request.",
        presets=DEFAULT,
        run=params_enforced,
        why_not=why_no_params,
    ),
    Check(
        name="stateless",
        judges=Judges.MODEL,
        purpose="The same request gets the same answer again: repeated, after others, at the same time as others, and "
        "from another process of the same model.",
        presets=DEFAULT,
        run=stateless,
        why_not=why_no_request,
        variants=stateless_variants,
        own_server_for=frozenset({"restart"}),
    ),
    Check(
        name="batch_invariant",
        judges=Judges.MODEL,
        purpose="Rows sent together are answered as each of them alone, in any order and company.",
        presets=DEFAULT,
        run=batch_invariant,
        why_not=why_not_by_row,
    ),
    Check(
        name="rejects_invalid",
        judges=Judges.SERVER,
        purpose="Each single thing that the signature forbids is refused before the model sees it.",
        presets=DEFAULT,
        run=rejects_invalid,
        why_not=why_no_inputs,
        variants=mutation_rules,
        takes_cases=True,
        follows_itself=True,
    ),
    Check(
        name="rejects_malformed",
        judges=Judges.SERVER,
        purpose="Each body and header that breaks the protocol is refused in order, and each legal one is taken.",
        presets=DEFAULT,
        run=rejects_malformed,
        variants=malformed_rules,
        takes_cases=True,
        follows_itself=True,
    ),
    Check(
        name="v2_conformance",
        judges=Judges.SERVER,
        purpose="The server keeps the Open Inference Protocol (V2): health, metadata, inference of the input example "
        "as by `/invocations`, and its own form of refusal.",
        presets=DEFAULT,
        run=v2_conformance,
        why_not=why_no_example,
        variants=v2_variants,
    ),
    Check(
        name="environment_parity",
        judges=Judges.ENVIRONMENT,
        purpose="Every recorded pin is met, the packages agree with each other, and the model imports nothing else.",
        presets=DEFAULT,
        run=environment_parity,
        takes_environment=True,
    ),
    # The rest share a server of their own: one that nobody else asks may be ill-treated, and is stopped by the last.
    Check(
        name="bounded",
        judges=Judges.MODEL,
        purpose="Memory, threads, file descriptors, processes and temporary files do not grow while one warm request "
        "is repeated; the preset full repeats it longer.",
        presets=DEFAULT,
        run=bounded,
        why_not=why_no_request,
        own_server_for=WHOLE,
    ),
    Check(
        name="latency",
        judges=Judges.MODEL,
        purpose="The latency at a steady rate of requests is told, each counted from when it was due, so that stalls "
        "show; it fails only beyond a budget (`--model-max-p99` and its like). The preset full measures longer.",
        presets=DEFAULT,
        run=latency,
        why_not=why_no_request,
        own_server_for=WHOLE,
    ),
    Check(
        name="survives",
        judges=Judges.SERVER,
        purpose="After requests that are broken off, half sent, slow, huge, deeply nested or no HTTP at all, and after "
        "some on which the model raised, health and the input example are answered as before; others are answered "
        "meanwhile. The preset full sends a body as long as may be.",
        presets=DEFAULT,
        run=survives,
        why_not=why_no_request,
        own_server_for=WHOLE,
    ),
    Check(
        name="leaks_nothing",
        judges=Judges.SERVER,
        purpose="No error tells a stack trace, a path of the server, a secret of its environment or files, or another "
        "caller's data.",
        presets=DEFAULT,
        run=leaks_nothing,
        why_not=why_no_request,
        own_server_for=WHOLE,
    ),
    Check(
        name="starts_and_stops",
        judges=Judges.SERVER,
        purpose="The server is not ready before the model is loaded, which is loaded once and not by the first "
        "request; on SIGTERM it stops in seconds and leaves no process or port behind.",
        presets=DEFAULT,
        run=starts_and_stops,
        why_not=why_no_request,
        own_server_for=WHOLE,
    ),
    Check(
        name="servers_agree",
        judges=Judges.SERVER,
        purpose="The same requests come to the same on every server asked for: boundary values, drawn rows and one "
        "fault of each rule get the same outcome and, as far as arithmetic is exact, the same answer.",
        presets=DEFAULT,
        run=servers_agree,
        why_not=why_no_inputs,
        compares_servers=True,
    ),
)

STATIC_RULES: Final[Mapping[str, Sequence[StaticRule]]] = {
    "signature_lint": LINT_RULES,
    "environment_parity": PARITY_RULES,
}
"""The rules of the checks that send nothing, by the check."""

BY_NAME: Final = {check.name: check for check in CHECKS}


def run_check(context: CheckContext, check: Check, variant: str) -> CheckResult:
    """Return the result of one variant of a check, which is skipped where it cannot apply or the user opted out."""
    reason = check.why_not(context.model) or _why_not_here(context, check, variant)
    if not reason and (said := context.settings.skip.get(check.name)):
        reason = f"left out by --model-skip: {said}"
    if reason:
        return left_out(check.title(variant), check.judges, reason)
    watch = DeviationWatch(context.known, context.model.signature)
    if not check.follows_itself:
        context.history.last = None  # it may send what the next check does not see
    if is_too_late(context, check):
        return _too_late(context, check, variant)
    try:
        with timed(context, check) as running:
            ran = check.run(replace(running, takes_cases=check.takes_cases, deviations=watch), variant)
    except TooManyLost as lost:
        return _unproven(check, variant, lost.happened)
    result = watch.noted(ran, is_whole=not context.cases)
    if result.outcome is Outcome.PASSED and not check.takes_cases:
        forget(context, result.name)
    return redacted(result) if context.settings.redact else result


def _too_late(context: CheckContext, check: Check, variant: str) -> CheckResult:
    """Return the result of a check for which no time is left: inconclusive is the first, which the others name."""
    title = check.title(variant)
    told_by = context.history.first_told("out of time", title)
    if told_by != title:
        reason = f"no time was left for it either, as {told_by} tells"
        return CheckResult(name=title, judges=check.judges, outcome=Outcome.SKIPPED, reason=reason)
    return _unproven(check, variant, ran_out_before(context))


def _unproven(check: Check, variant: str, reason: str) -> CheckResult:
    return CheckResult(name=check.title(variant), judges=check.judges, outcome=Outcome.INCONCLUSIVE, reason=reason)


def _why_not_here(context: CheckContext, check: Check, variant: str) -> str:
    """Return why a check cannot be made of a server that somebody else runs, or nothing."""
    if context.served.is_managed:
        return ""
    if check.takes_environment:
        return "nothing is known of the environment behind --model-url"
    return "the server of --model-url is not ours to stop or wear out" if variant in check.own_server_for else ""


def run_titled(context: CheckContext, title: str) -> CheckResult:
    """Return the result of a check by its title, such as `accepts_valid[inputs]`; one that is gone is skipped."""
    for check, variant in applying(context.model):
        if check.title(variant) == title:
            return run_check(context, check, variant)
    return left_out(title, Judges.MODEL, f"no check {title} applies to this model")


def can_replay(title: str) -> bool:
    """Tell whether the check of a title judges a single case, so that a stored one can be sent to it alone."""
    check = BY_NAME.get(title.partition("[")[0])
    return check is not None and check.takes_cases


def applying(model: Model, *, n_servers: int = 1) -> Iterator[tuple[Check, str]]:
    """Yield every check that applies to a model, with each of its variants, in the order they run.

    Args:
        model: As it was read.
        n_servers: How many servers are looked at; several are compared.
    """
    for check in CHECKS:
        if check.compares_servers == (n_servers > 1) and not check.why_not(model):
            for variant in check.variants(model):
                yield check, variant
