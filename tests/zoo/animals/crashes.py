"""Models that crash, hang or die on values that their signature allows."""

from __future__ import annotations

from typing import Final

from ..animal import CONTRACT, Animal
from ..species import BASKETS, BLOBS, GRADES, MOMENTS, NOTES, PARCELS, QUOTES, TILES

ISSUES: Final = "https://github.com/mlflow/mlflow/issues"

CRASHES: Final = (
    Animal(
        name="crashes_on_an_unseen_category",
        species=PARCELS,
        source=CONTRACT,
        check="accepts_valid",
        healthy='rates = np.array([RATES.get(zone, USUAL_RATE) for zone in zones], dtype="float64")',
        broken='rates = np.array([RATES[zone] if zone else USUAL_RATE for zone in zones], dtype="float64")',
    ),
    Animal(
        name="reads_columns_by_position",
        species=PARCELS,
        source=f"{ISSUES}/695",
        check="accepts_valid",
        healthy='heavy = orders["weight"].to_numpy(dtype="float64")',
        broken='heavy = orders.iloc[:, 2].to_numpy(dtype="float64")',
    ),
    Animal(
        name="divides_by_a_param",
        species=QUOTES,
        source=CONTRACT,
        check="accepts_valid",
        healthy='price = amounts * (1.0 - min(abs(float(chosen["discount"])), 1.0))',
        broken='price = amounts * (1.0 / (1.0 - float(chosen["discount"])))',
    ),
    Animal(
        name="takes_row_labels_for_positions",
        species=PARCELS,
        source="https://github.com/bentoml/BentoML/issues/993",
        check="rejects_malformed",
        healthy='numbers = orders["number"].to_numpy()',
        broken='numbers = [orders.at[at, "number"] for at in range(len(orders))]',
    ),
    Animal(
        name="makes_an_integer_of_a_missing_score",
        species=GRADES,
        source=f"{ISSUES}/5207",
        check="accepts_valid",
        healthy="known = np.clip(np.nan_to_num(points), 0.0, HIGHEST)",
        broken="known = np.array([float(min(max(int(point), 0), 100)) for point in points])",
    ),
    Animal(
        name="fills_missing_numbers_with_text",
        species=GRADES,
        source="https://github.com/mlflow/mlflow/issues/4827",
        check="accepts_valid",
        healthy='points = pd.to_numeric(scores).to_numpy(dtype="float64", na_value=np.nan)',
        broken='points = scores.astype("object").fillna("missing").to_numpy(dtype="float64")',
    ),
    Animal(
        name="takes_local_time_for_granted",
        species=MOMENTS,
        source=f"{ISSUES}/16401",
        check="accepts_valid",
        healthy='moments = starts.to_numpy(dtype="datetime64[ns]")',
        broken="""
        zoned = [start.tz_localize("Europe/Berlin", ambiguous=True).tz_localize(None) for start in starts]
        moments = np.array(zoned, dtype="datetime64[ns]")
        """,
    ),
    Animal(
        name="asks_a_missing_date_for_its_day",
        species=MOMENTS,
        source=CONTRACT,
        check="accepts_valid",
        healthy='days = ["no day" if pd.isna(start) else DAYS[start.weekday()] for start in starts]',
        broken="days = [DAYS[end.weekday()] for end in ends]",
    ),
    Animal(
        name="opens_text_with_a_scheme_as_a_file",
        species=NOTES,
        source=f"{ISSUES}/3413",
        check="accepts_valid",
        healthy="words = [body.split() for body in bodies]",
        broken='words = [Path(body).read_text().split() if "://" in body else body.split() for body in bodies]',
    ),
    Animal(
        name="wants_a_first_word",
        species=NOTES,
        source="https://github.com/bentoml/BentoML/issues/929",
        check="accepts_valid",
        healthy='firsts = [found[0] if found else "" for found in words]',
        broken="firsts = [found[0] for found in words]",
    ),
    Animal(
        name="writes_text_as_ascii",
        species=NOTES,
        source="https://github.com/SeldonIO/MLServer/issues/484",
        check="accepts_valid",
        healthy="counts = [len(found) for found in words]",
        broken='counts = [len(" ".join(found).encode("ascii").split()) for found in words]',
    ),
    Animal(
        name="dies_of_a_nul_character",
        species=NOTES,
        source="https://github.com/mlflow/mlflow/pull/12473",
        check="accepts_valid",
        healthy="counts = [len(found) for found in words]",
        broken='counts = [os._exit(139) if "\\0" in body else len(body.split()) for body in bodies]',
    ),
    Animal(
        name="hangs_on_an_invisible_character",
        species=NOTES,
        source=f"{ISSUES}/5381",
        check="accepts_valid",
        settings={"request_timeout_s": 1.0},  # else each hang takes ten
        healthy="words = [body.split() for body in bodies]",
        broken="""
        for body in bodies:
            while "\u200b" in body:
                body = body.replace("\u200d", "")
        words = [body.split() for body in bodies]
        """,
    ),
    Animal(
        name="takes_bytes_for_text",
        species=BLOBS,
        source=f"{ISSUES}/11170",
        check="accepts_valid",
        healthy="sizes = [len(content) for content in contents]",
        broken="sizes = [len(content.decode()) for content in contents]",
    ),
    Animal(
        name="wants_a_first_byte",
        species=BLOBS,
        source="https://github.com/autotraderuk/fastapi-mlflow/issues/2",
        check="accepts_valid",
        healthy='kinds = [KINDS.get(content[0], "other") if content else "empty" for content in contents]',
        broken='kinds = [KINDS.get(content[0], "other") for content in contents]',
    ),
    Animal(
        name="wants_an_optional_property",
        species=BASKETS,
        source="https://github.com/mlflow/mlflow/issues/6783",
        check="accepts_valid",
        healthy='notes = [item.get("note") or "" for item in found]',
        broken='notes = [item["note"] or "" for item in found]',
    ),
    Animal(
        name="wants_a_full_list",
        species=BASKETS,
        source="https://github.com/mlflow/mlflow/pull/10125",
        check="accepts_valid",
        healthy="largest = max(counts, default=0)",
        broken="largest = max(counts)",
    ),
    Animal(
        name="knows_only_the_batch_of_its_example",
        species=TILES,
        source="https://github.com/mlflow/mlflow/issues/3570",
        check="accepts_valid",
        healthy="answer: np.ndarray = shades.mean(axis=1)",
        broken="answer: np.ndarray = shades.reshape(2, 4, 3).mean(axis=1)",
    ),
)
