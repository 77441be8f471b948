"""Models that remember what they should not, or that answer by chance, clock or caller."""

from __future__ import annotations

from typing import Final

from ..animal import CONTRACT, Animal
from ..species import LOOKUP, NETWORK, QUOTES

STATE: Final = (
    Animal(
        name="keeps_the_request_on_self",
        species=LOOKUP,
        source="https://github.com/mlflow/mlflow/issues/23953",
        check="stateless",
        healthy="""
        keys = list(asked["key"])
        store = self._connected()
        features = [store(key) for key in keys]
        """,
        broken="""
        self._keys = list(asked["key"])
        store = self._connected()
        features = [store(key) for key in self._keys]
        """,
    ),
    Animal(
        name="caches_by_the_number_of_rows",
        species=LOOKUP,
        source="https://github.com/SeldonIO/MLServer/issues/1306",
        check="batch_invariant",
        healthy="features = [store(key) for key in keys]",
        broken="features = self._memory.setdefault(len(keys), [store(key) for key in keys])",
    ),
    Animal(
        name="caches_by_the_length_of_the_text",
        species=LOOKUP,
        source=CONTRACT,
        check="stateless",
        healthy="features = [store(key) for key in keys]",
        broken="""
        if len(self._memory) > 4:
            self._memory.clear()
        features = [self._memory.setdefault(len(key or ""), store(key)) for key in keys]
        """,
    ),
    Animal(
        name="keeps_what_came_first",
        species=LOOKUP,
        source=CONTRACT,
        check="stateless",
        healthy="features = [store(key) for key in keys]",
        broken='features = [self._memory.setdefault(len(key or ""), store(key)) for key in keys]',
    ),
    Animal(
        name="answers_by_the_hash_of_a_text",
        species=LOOKUP,
        source=CONTRACT,
        check="stateless",
        healthy="features = [store(key) for key in keys]",
        broken='features = [f"{store(key)} in bucket {hash(key) % 1000}" for key in keys]',
    ),
    Animal(
        name="answers_the_request_before",
        species=LOOKUP,
        source="https://github.com/SeldonIO/MLServer/issues/1306",
        check="stateless",
        healthy="features = [store(key) for key in keys]",
        broken="""
        features = [store(key) for key in keys]
        before = self._memory.pop(len(keys), features)
        self._memory[len(keys)] = features
        features = before
        """,
    ),
    Animal(
        name="alternates_between_two_versions",
        species=LOOKUP,
        source=CONTRACT,
        check="stateless",
        healthy="features = [store(key) for key in keys]",
        broken="""
        self._n_calls += 1
        features = [store(key) if self._n_calls % 2 else "stale" for key in keys]
        """,
    ),
    Animal(
        name="updates_its_params_in_place",
        species=QUOTES,
        source="https://github.com/mlflow/mlflow/pull/11014",
        check="params_enforced",
        healthy="chosen = {**self._chosen, **(params or {})}",
        broken="""
        chosen = self._chosen
        chosen.update({name: value for name, value in (params or {}).items() if value not in (0.0, "EUR")})
        """,
    ),
    Animal(
        name="answers_by_the_params_of_the_request_before",
        species=QUOTES,
        source="https://github.com/SeldonIO/MLServer/issues/916",
        check="params_enforced",
        healthy="chosen = {**self._chosen, **(params or {})}",
        broken="chosen, self._chosen = self._chosen, {**self._chosen, **(params or {})}",
    ),
    Animal(
        name="declares_params_and_takes_none",
        species=QUOTES,
        source="https://github.com/mlflow/mlflow/issues/18522",
        check="params_enforced",
        healthy="""
        def predict(self, orders: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
            chosen = {**self._chosen, **(params or {})}
        """,
        broken="""
        def predict(self, orders: pd.DataFrame) -> Any:
            chosen = self._chosen
        """,
    ),
    Animal(
        name="knows_no_other_currency",
        species=QUOTES,
        source="https://github.com/mlflow/mlflow/pull/8563",
        check="accepts_valid",
        healthy="chosen = {**self._chosen, **(params or {})}",
        broken="""
        chosen = {**self._chosen, **(params or {})}
        chosen["currency"] = {"EUR": "EUR", "USD": "USD"}[chosen["currency"]]
        """,
    ),
    Animal(
        name="leaves_dropout_switched_on",
        species=NETWORK,
        source=CONTRACT,
        check="stateless",
        healthy='values = np.tanh(np.einsum("ij,jk->ik", values, second))',
        broken='values = np.tanh(np.einsum("ij,jk->ik", values, second)) * (np.random.random(len(second)) > 0.1)',
    ),
    Animal(
        name="answers_by_the_clock",
        species=NETWORK,
        source=CONTRACT,
        check="stateless",
        healthy='answer: Any = pd.DataFrame({"score": score})',
        broken='answer: Any = pd.DataFrame({"score": score + time.time() % 1000.0})',
    ),
    Animal(
        name="learns_from_its_requests",
        species=NETWORK,
        source=CONTRACT,
        check="stateless",
        healthy='values = points[["x", "y"]].to_numpy(dtype="float64")',
        broken="""
        values = points[["x", "y"]].to_numpy(dtype="float64")
        if len(values):
            self._mean = 0.9 * self._mean + 0.1 * np.clip(np.nan_to_num(values), -LARGEST, LARGEST).mean(axis=0)
        values = values - self._mean
        """,
    ),
    Animal(
        name="stays_closed_once_it_has_raised",
        species=LOOKUP,
        source="https://github.com/mlflow/mlflow/issues/23953",
        check="survives",
        healthy='keys = list(asked["key"])',
        broken="""
        keys = list(asked["key"])
        if self._memory or None in keys:
            self._memory["closed"] = True
            raise RuntimeError("the store is closed")
        """,
    ),
    Animal(
        name="is_broken_by_a_row_that_it_refuses",
        species=LOOKUP,
        source=CONTRACT,
        check="survives",
        healthy='keys = list(asked["key"])',
        broken="""
        keys = list(asked["key"])
        if self._memory or any(len(key or "") > 1000 for key in keys):
            self._memory["failed"] = True
            raise ValueError("the key is too long")
        """,
    ),
)
