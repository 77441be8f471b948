"""Models in which the rows of one request decide about each other."""

from __future__ import annotations

from typing import Final

from ..animal import CONTRACT, Animal
from ..species import BASKETS, GRADES, NETWORK, NOTES, PARCELS, TILES

BATCHES: Final = (
    Animal(
        name="sorts_its_rows",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/issues/2443",
        check="batch_invariant",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels}).sort_values("number")',
    ),
    Animal(
        name="groups_its_rows",
        species=PARCELS,
        source="https://github.com/mlflow/mlflow/issues/2443",
        check="batch_invariant",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken="""
        answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})
        answer = pd.concat([group for _, group in answer.groupby("label")] or [answer])
        """,
    ),
    Animal(
        name="leaves_repeated_rows_out",
        species=PARCELS,
        source=CONTRACT,
        check="matches_output_schema",
        healthy='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})',
        broken='answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels}).drop_duplicates()',
    ),
    Animal(
        name="answers_the_first_row_for_all",
        species=PARCELS,
        source="https://github.com/SeldonIO/MLServer/issues/1306",
        check="batch_invariant",
        healthy='heavy = orders["weight"].to_numpy(dtype="float64")',
        broken='heavy = np.full(len(orders), orders["weight"].iloc[0] if len(orders) else 0.0)',
    ),
    Animal(
        name="fills_gaps_from_the_row_before",
        species=GRADES,
        source="https://github.com/bentoml/BentoML/issues/929",
        check="batch_invariant",
        healthy='points = pd.to_numeric(scores).to_numpy(dtype="float64", na_value=np.nan)',
        broken='points = pd.to_numeric(scores).astype("float64").ffill().to_numpy()',
    ),
    Animal(
        name="scores_against_the_batch",
        species=GRADES,
        source=CONTRACT,
        check="batch_invariant",
        healthy="share = known / HIGHEST",
        broken="share = known / max(known.max(initial=0.0), 1.0)",
    ),
    Animal(
        name="normalizes_over_the_batch",
        species=TILES,
        source="https://github.com/SeldonIO/MLServer/issues/1306",
        check="batch_invariant",
        healthy="shades = pixels / BRIGHTEST",
        broken="shades = (pixels - pixels.mean(axis=0)) / BRIGHTEST",
    ),
    Animal(
        name="keeps_batch_normalization_in_training_mode",
        species=NETWORK,
        source=CONTRACT,
        check="batch_invariant",
        healthy='score = np.einsum("ij,jk->ik", values, last)[:, 0]',
        broken="""
        values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-3)
        score = np.einsum("ij,jk->ik", values, last)[:, 0]
        """,
    ),
    Animal(
        name="pads_to_the_longest_text",
        species=NOTES,
        source=CONTRACT,
        check="batch_invariant",
        healthy="counts = [len(found) for found in words]",
        broken="""
        longest = max((len(found) for found in words), default=0)
        counts = [len(found + [""] * (longest - len(found))) for found in words]
        """,
    ),
    Animal(
        name="lets_a_default_argument_grow",
        species=BASKETS,
        source=CONTRACT,
        check="stateless",
        healthy='notes = [item.get("note") or "" for item in found]',
        broken="""
        def kept(note: str, notes: list[str] = self.__dict__.setdefault("notes", [])) -> list[str]:
            notes.append(note)
            return notes[-9:]
        notes = [note for item in found for note in kept(item.get("note") or "")]
        """,
    ),
)
