"""The table of faulty servers: what each does wrong, where that was seen, and the check that is to catch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..animal import CONTRACT, Species
from ..species import BLOBS, GRADES, LOOKUP, MOMENTS, NETWORK, PARCELS, QUOTES
from . import faults
from .layer import Fault

MLFLOW: Final = "https://github.com/mlflow/mlflow/issues"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyServer:
    """A server with one fault around a healthy model; its twin is the same without the fault.

    Attributes:
        name: What it does wrong.
        fault: Builds the fault.
        species: The model that it serves.
        source: Where the fault was seen: the address of an issue, or `CONTRACT`.
        check: That is expected to catch it.
        has_spy: Whether the model's own process tells of its calls; a remote server's does not.
        settings: Of the run, where the fault shows only under a limit that the user sets.
    """

    name: str
    fault: Callable[[], Fault]
    species: Species
    source: str
    check: str
    has_spy: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)


SERVERS: Final = (
    FaultyServer(
        name="answers_bare_nan",
        fault=faults.BareNan,
        species=MOMENTS,
        source="https://github.com/pytorch/serve/issues/1304",
        check="matches_output_schema",
        has_spy=False,
    ),
    FaultyServer(
        name="answers_errors_with_200",
        fault=faults.ErrorWith200,
        species=GRADES,
        source="https://github.com/kserve/kserve/issues/1530",
        check="rejects_invalid",
        has_spy=False,
    ),
    FaultyServer(
        name="cuts_floats_to_six_digits",
        fault=faults.TruncatedFloats,
        species=NETWORK,
        source=CONTRACT,
        check="round_trip_output",
    ),
    FaultyServer(
        name="answers_rows_out_of_order",
        fault=faults.RowsOutOfOrder,
        species=LOOKUP,
        source=f"{MLFLOW}/2443",
        check="batch_invariant",
        has_spy=False,
    ),
    FaultyServer(
        name="caches_answers_by_length",
        fault=faults.StaleAnswers,
        species=LOOKUP,
        source=CONTRACT,
        check="round_trip_output",
    ),
    FaultyServer(
        name="caches_answers_by_length_far_away",
        fault=faults.StaleAnswers,
        species=LOOKUP,
        source=CONTRACT,
        check="batch_invariant",
        has_spy=False,
    ),
    FaultyServer(
        name="leaks_a_traceback",
        fault=faults.LeakedTraceback,
        species=GRADES,
        source=f"{MLFLOW}/16538",
        check="leaks_nothing",
        has_spy=False,
    ),
    FaultyServer(
        name="leaks_its_environment",
        fault=faults.LeakedEnvironment,
        species=GRADES,
        source=f"{MLFLOW}/16537",
        check="leaks_nothing",
    ),
    FaultyServer(
        name="leaks_the_request_of_another",
        fault=faults.LeakedNeighbour,
        species=LOOKUP,
        source=f"{MLFLOW}/16537",
        check="leaks_nothing",
        has_spy=False,
    ),
    FaultyServer(
        name="answers_errors_as_html",
        fault=faults.HtmlErrors,
        species=LOOKUP,
        source="https://github.com/SeldonIO/seldon-core/issues/389",
        check="rejects_malformed",
        has_spy=False,
    ),
    FaultyServer(
        name="fills_a_missing_column",
        fault=faults.MissingColumn,
        species=PARCELS,
        source="https://github.com/SeldonIO/MLServer/issues/1055",
        check="rejects_invalid",
    ),
    FaultyServer(
        name="hangs_on_a_bad_body",
        fault=faults.HangsOnBadBody,
        species=LOOKUP,
        source=f"{MLFLOW}/5381",
        check="rejects_malformed",
        has_spy=False,
    ),
    FaultyServer(
        name="answers_500_to_a_bad_body",
        fault=faults.ServerErrorForBadBody,
        species=LOOKUP,
        source=f"{MLFLOW}/4897",
        check="rejects_malformed",
        has_spy=False,
    ),
    FaultyServer(
        name="drops_fractions_of_seconds",
        fault=faults.MicrosecondsDropped,
        species=MOMENTS,
        source="https://github.com/mlflow/mlflow/pull/25119",
        check="round_trip_input",
    ),
    FaultyServer(
        name="answers_without_fractions_of_seconds",
        fault=faults.MicrosecondsNotAnswered,
        species=MOMENTS,
        source=f"{MLFLOW}/6211",
        check="round_trip_output",
    ),
    FaultyServer(
        name="casts_longs_to_floats",
        fault=faults.LongsAsFloats,
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/pull/2788",
        check="round_trip_input",
    ),
    FaultyServer(
        name="takes_text_for_numbers",
        fault=faults.TextForNumbers,
        species=NETWORK,
        source="https://github.com/mlflow/mlflow/pull/6417",
        check="rejects_invalid",
    ),
    FaultyServer(
        name="makes_false_of_null",
        fault=faults.NullIsFalse,
        species=GRADES,
        source="https://github.com/mlflow/mlflow/pull/10727",
        check="rejects_invalid",
    ),
    FaultyServer(
        name="mixes_up_concurrent_requests",
        fault=faults.MixedUp,
        species=LOOKUP,
        source="https://github.com/SeldonIO/MLServer/issues/1306",
        check="stateless",
        has_spy=False,
    ),
    FaultyServer(
        name="names_a_wrong_content_type",
        fault=faults.WrongContentType,
        species=LOOKUP,
        source=CONTRACT,
        check="matches_output_schema",
        has_spy=False,
    ),
    FaultyServer(
        name="drops_the_last_row_of_big_batches",
        fault=faults.LastRowDropped,
        species=LOOKUP,
        source="https://github.com/bentoml/BentoML/issues/3710",
        check="matches_output_schema",
        has_spy=False,
    ),
    FaultyServer(
        name="ignores_params",
        fault=faults.ParamsIgnored,
        species=QUOTES,
        source="https://github.com/SeldonIO/MLServer/issues/1660",
        check="params_enforced",
    ),
    FaultyServer(
        name="breaks_the_connection_on_large_bodies",
        fault=faults.LargeBodiesCut,
        species=LOOKUP,
        source="https://github.com/SeldonIO/MLServer/issues/444",
        check="rejects_malformed",
        has_spy=False,
    ),
    FaultyServer(
        name="takes_nan_tokens",
        fault=faults.NanTokens,
        species=NETWORK,
        source="https://github.com/SeldonIO/MLServer/issues/1747",
        check="rejects_invalid",
    ),
    FaultyServer(
        name="does_not_decode_bytes_in_one_envelope",
        fault=faults.BytesNotDecoded,
        species=BLOBS,
        source=f"{MLFLOW}/11170",
        check="envelopes_agree",
        has_spy=False,
    ),
    FaultyServer(
        name="reads_na_as_missing_in_csv",
        fault=faults.NaInCsvIsMissing,
        species=LOOKUP,
        source=f"{MLFLOW}/6783",
        check="envelopes_agree",
        has_spy=False,
    ),
    FaultyServer(
        name="refuses_a_charset",
        fault=faults.CharsetRefused,
        species=LOOKUP,
        source=f"{MLFLOW}/4597",
        check="rejects_malformed",
        has_spy=False,
    ),
    FaultyServer(
        name="answers_with_an_id_of_its_own",
        fault=faults.IdNotEchoed,
        species=LOOKUP,
        source=CONTRACT,
        check="v2_conformance",
    ),
    FaultyServer(
        name="promises_other_datatypes_than_it_answers",
        fault=faults.OtherDatatypesPromised,
        species=GRADES,
        source=CONTRACT,
        check="v2_conformance",
    ),
    FaultyServer(
        name="is_ready_before_its_model",
        fault=faults.AlwaysReady,
        species=NETWORK,
        source="https://github.com/SeldonIO/MLServer/issues/2056",
        check="starts_and_stops",
        has_spy=False,
    ),
    FaultyServer(
        name="keeps_100_kb_a_request_itself",
        fault=faults.KeepsBodies,
        species=LOOKUP,
        source="https://github.com/bentoml/BentoML/issues/4760",
        check="bounded",
    ),
    FaultyServer(
        name="keeps_a_file_open_a_request_itself",
        fault=faults.KeepsFilesOpen,
        species=LOOKUP,
        source="https://github.com/bentoml/BentoML/issues/4760",
        check="bounded",
        has_spy=False,
    ),
    FaultyServer(
        name="stalls_all_requests_at_times",
        fault=faults.StallsAtTimes,
        species=LOOKUP,
        source=f"{MLFLOW}/23953",
        check="latency",
        has_spy=False,
        settings={"max_p99_s": 0.15},
    ),
    FaultyServer(
        name="answers_the_error_of_the_request_before",
        fault=faults.ErrorOfTheRequestBefore,
        species=LOOKUP,
        source="https://github.com/SeldonIO/MLServer/issues/916",
        check="survives",
        has_spy=False,
    ),
)

BY_NAME: Final = {server.name: server for server in SERVERS}
