"""Models whose answers are not what their signature declares, or that JSON cannot carry."""

from __future__ import annotations

from typing import Final

from ..animal import CONTRACT, Animal
from ..species import BASKETS, BLOBS, GRADES, MOMENTS, PARCELS, ROUTES, TILES

ISSUES: Final = "https://github.com/mlflow/mlflow/issues"

ANSWERS: Final = (
    Animal(
        name="renames_a_column_by_case",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/pull/26069",
        check="predicts_input_example",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken='answer: Any = pd.DataFrame({"number": numbers, "Price": price, "label": labels})',
    ),
    Animal(
        name="answers_decimals",
        species=PARCELS,
        source=f"{ISSUES}/2218",
        check="predicts_input_example",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken="""
        from decimal import Decimal
        answer: Any = pd.DataFrame({"number": numbers, "price": [Decimal(f"{p:.2f}") for p in price], "label": labels})
        """,
    ),
    Animal(
        name="casts_numbers_to_floats",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/pull/2788",
        check="matches_output_schema",
        healthy='numbers = orders["number"].to_numpy()',
        broken='numbers = orders[["number", "weight"]].to_numpy()[:, 0]',
    ),
    Animal(
        name="answers_no_price_for_nothing",
        species=PARCELS,
        source="https://github.com/pytorch/serve/issues/1304",
        check="matches_output_schema",
        healthy="weight = np.clip(np.nan_to_num(heavy), 0.0, HEAVIEST)",
        broken="""
        weight = np.clip(np.nan_to_num(heavy), 0.0, HEAVIEST)
        with np.errstate(all="ignore"):
            weight = weight / weight * weight
        """,
    ),
    Animal(
        name="drops_a_column_that_is_empty",
        species=PARCELS,
        source=CONTRACT,
        check="matches_output_schema",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken="""
        answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})
        answer = answer.loc[:, [name for name in answer if name != "label" or any(zones)]]
        """,
    ),
    Animal(
        name="reads_na_as_missing",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/issues/6783",
        check="matches_output_schema",
        healthy='labels = [f"to {zone}" if zone is not None else "no zone" for zone in zones]',
        broken='labels = [zone if zone not in {"NA", "NaN", "null", "None", ""} else None for zone in zones]',
    ),
    Animal(
        name="leaves_rows_with_nulls_out",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/issues/4827",
        check="matches_output_schema",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken="""
        answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})
        answer = answer[orders.notna().all(axis=1).to_numpy()]
        """,
    ),
    Animal(
        name="leaves_rows_without_a_weight_out",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/issues/5207",
        check="rejects_invalid",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken="""
        answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})
        answer = answer[orders["weight"].notna().to_numpy()]
        """,
    ),
    Animal(
        name="dies_of_a_missing_weight",
        species=PARCELS,
        source="https://github.com/SeldonIO/MLServer/issues/1873",
        check="rejects_invalid",
        healthy='heavy = orders["weight"].to_numpy(dtype="float64")',
        broken="""
        import os
        heavy = orders["weight"].to_numpy(dtype="float64")
        if np.isnan(heavy).any():
            os.abort()
        """,
    ),
    Animal(
        name="answers_one_row_for_none",
        species=PARCELS,
        source="https://github.com/bentoml/BentoML/issues/3710",
        check="rejects_malformed",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken="""
        answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})
        if answer.empty:
            answer = pd.DataFrame([{"number": 0, "price": 0.0, "label": "none"}])
        """,
    ),
    Animal(
        name="answers_at_most_64_rows",
        species=PARCELS,
        source="https://github.com/bentoml/BentoML/issues/3710",
        check="matches_output_schema",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels}).head(64)',
    ),
    Animal(
        name="answers_halves_for_integers",
        species=GRADES,
        source=CONTRACT,
        check="matches_output_schema",
        healthy="grades = np.where(known > 50.0, 1, 2) + tries - 1",
        broken="grades = (np.where(known > 50.0, 1, 2) + tries) / 2",
    ),
    Animal(
        name="answers_pandas_na",
        species=GRADES,
        source="https://github.com/mlflow/mlflow/issues/25593",
        check="matches_output_schema",
        healthy="grades = np.where(known > 50.0, 1, 2) + tries - 1",
        broken='grades = pd.Series(tries, dtype="Int64").mask(pd.Series(np.isnan(points)))',
    ),
    Animal(
        name="answers_a_member_of_an_enum",
        species=GRADES,
        source=f"{ISSUES}/2218",
        check="predicts_input_example",
        healthy="grades = np.where(known > 50.0, 1, 2) + tries - 1",
        broken="grades = [Grade.HIGH if points > 50.0 else Grade.LOW for points in known]",
    ),
    Animal(
        name="answers_infinity_for_a_share",
        species=GRADES,
        source="https://github.com/pytorch/serve/issues/1304",
        check="round_trip_output",
        healthy="share = known / HIGHEST",
        broken="share = np.where(known > 0.0, known / HIGHEST, -np.inf)",
    ),
    Animal(
        name="answers_a_duration",
        species=MOMENTS,
        source=f"{ISSUES}/2218",
        check="predicts_input_example",
        healthy='answer: Any = pd.DataFrame({"second": seconds, "day": days, "until": until})',
        broken='answer: Any = pd.DataFrame({"second": seconds, "day": days, "until": ends - starts})',
    ),
    Animal(
        name="answers_nat_as_text",
        species=MOMENTS,
        source="https://github.com/mlflow/mlflow/issues/6211",
        check="matches_output_schema",
        healthy="until = ends.to_numpy()",
        broken="until = [str(end) for end in ends]",
    ),
    Animal(
        name="counts_seconds_before_1970_from_the_other_end",
        species=MOMENTS,
        source="https://github.com/mlflow/mlflow/pull/25119",
        check="matches_output_schema",
        healthy='seconds = np.where(np.isnat(moments), 0, moments.astype("datetime64[s]").astype("int64"))',
        broken='seconds = moments.astype("datetime64[s]").astype("uint64")',
    ),
    Animal(
        name="answers_the_repr_of_bytes",
        species=BLOBS,
        source="https://github.com/SeldonIO/MLServer/issues/737",
        check="predicts_input_example",
        healthy="previews = [content[:PREVIEW] for content in contents]",
        broken="previews = [str(content[:PREVIEW]) for content in contents]",
    ),
    Animal(
        name="flattens_its_lists",
        species=BASKETS,
        source="https://github.com/mlflow/mlflow/pull/10125",
        check="matches_output_schema",
        healthy='answer: Any = pd.DataFrame(rows, columns=["counts", "total", "largest", "notes"])',
        broken="""
        answer: Any = pd.DataFrame(rows, columns=["counts", "total", "largest", "notes"])
        answer["counts"] = [counts[0] if len(counts) == 1 else counts for counts in answer["counts"]]
        """,
    ),
    Animal(
        name="answers_a_set",
        species=BASKETS,
        source=f"{ISSUES}/2218",
        check="predicts_input_example",
        healthy='notes = [item.get("note") or "" for item in found]',
        broken='notes = {item.get("note") or "" for item in found}',
    ),
    Animal(
        name="loses_the_dimension_of_a_batch_of_one",
        species=TILES,
        source="https://github.com/SeldonIO/MLServer/issues/811",
        check="matches_output_schema",
        healthy="answer: np.ndarray = shades.mean(axis=1)",
        broken="answer: np.ndarray = shades.mean(axis=1).squeeze()",
    ),
    Animal(
        name="leaves_one_of_two_tensors_out",
        species=ROUTES,
        source="https://github.com/mlflow/mlflow/issues/8220",
        check="predicts_input_example",
        healthy='answer: Any = {"number": numbers, "length": length}',
        broken="answer: Any = length",
    ),
    Animal(
        name="shortens_a_tensor_by_what_repeats",
        species=ROUTES,
        source=CONTRACT,
        check="matches_output_schema",
        healthy='answer: Any = {"number": numbers, "length": length}',
        broken='answer: Any = {"number": np.unique(numbers), "length": length}',
    ),
)
