"""`given_input`: what it draws, for which model, and how it is told what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

pytest_plugins = ["pytester"]

HEAD = """
import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings, strategies as st
from pytest_modelserve import given_input

quick = settings(max_examples=10, database=None)
"""
OPTIONS = ("--model-uri=model", "test_own.py")


@pytest.fixture(autouse=True)
def _model(model: Any) -> None:
    """Have a healthy model in the folder `model`."""


def write(pytester: pytest.Pytester, body: str) -> None:
    import textwrap

    pytester.makepyfile(test_own=HEAD + textwrap.dedent(body))


def test_frames_have_the_declared_columns_and_dtypes(run: Any, pytester: pytest.Pytester, model: Any) -> None:
    write(
        pytester,
        """
        @settings(max_examples=30, database=None)
        @given_input(min_rows=2, max_rows=3)
        def test_own(model_input):
            assert isinstance(model_input, pd.DataFrame)
            assert {"n", "x", "word"} <= set(model_input) <= {"n", "x", "word", "flag"}
            assert (str(model_input["n"].dtype), str(model_input["x"].dtype)) == ("int64", "float64")
            assert all(isinstance(word, str) for word in model_input["word"])
            assert 2 <= len(model_input) <= 3
        """,
    )
    run(*OPTIONS).assert_outcomes(passed=1)
    assert model.loads == 0  # nothing asked for a server


def test_columns_are_narrowed_by_name(run: Any, pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
        @quick
        @given_input({"n": st.integers(5, 6), "word": st.sampled_from(["yes", "no"])})
        def test_own(model_input):
            assert set(model_input["n"]) <= {5, 6}
            assert set(model_input["word"]) <= {"yes", "no"}
        """,
    )
    run(*OPTIONS).assert_outcomes(passed=1)


def test_the_domain_of_the_marker_is_kept(run: Any, pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
        @pytest.mark.served_model("model", domain={"n": {"min": 3, "max": 4}})
        @settings(max_examples=30, database=None)
        @given_input()
        def test_own(model_input):
            assert model_input["n"].between(3, 4).all()
        """,
    )
    run("test_own.py").assert_outcomes(passed=1)


def test_it_works_with_fixtures_in_classes_and_beside_parameters(run: Any, pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
        class TestClass:
            @pytest.mark.parametrize("factor", [1, 2])
            @quick
            @given_input({"n": st.integers(-9, 9)})
            def test_own(self, factor, model_client, model_input):
                assert isinstance(self, TestClass)
                answer = model_client.predict(model_input).to_pandas()
                assert (answer["y"] * factor).tolist() == (model_input["n"] * factor).tolist()
        """,
    )
    run(*OPTIONS).assert_outcomes(passed=2)


@pytest.mark.parametrize("fixture", ["", "model_uri, "])
def test_each_model_is_drawn_from_its_own_signature(
    run: Any, pytester: pytest.Pytester, make_model: Any, fixture: str
) -> None:
    make_model("narrow", inputs=[{"name": "word", "type": "string"}], example=None)
    write(
        pytester,
        f"""
        @quick
        @given_input()
        def test_own(request, {fixture}model_input):
            name = request.node.callspec.id
            assert name in {{"model", "narrow"}}
            assert (set(model_input) == {{"word"}}) == (name == "narrow")
        """,
    )
    result = run("--model-uri=model", "--model-uri=narrow", "test_own.py")
    result.assert_outcomes(passed=2)


def test_settings_and_examples_of_hypothesis_work(run: Any, pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
        seen = []

        @given_input()
        @example(model_input="by hand")
        @settings(max_examples=7, database=None, phases=[Phase.explicit, Phase.generate])
        def test_own(model_input):
            seen.append(model_input)

        def test_seen():
            assert isinstance(seen[0], str)
            assert 1 < len(seen) <= 8
        """,
    )
    run(*OPTIONS).assert_outcomes(passed=2)


def test_the_same_seed_draws_the_same(run: Any, pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
        @quick
        @given_input()
        def test_own(model_input):
            with open("drawn.txt", "a") as file:
                file.write(model_input.to_json())
        """,
    )
    drawn = []
    for _ in range(2):
        run(*OPTIONS, "--hypothesis-seed=5").assert_outcomes(passed=1)
        drawn.append((pytester.path / "drawn.txt").read_text())
        (pytester.path / "drawn.txt").unlink()
    assert drawn[0] == drawn[1]


def test_a_breach_shrinks_to_one_row_of_the_example(run: Any, pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
        shown = []

        @settings(max_examples=100, database=None)
        @given_input()
        def test_own(model_input):
            if (model_input["n"] > 100).any():
                shown.append(model_input)
                assert False

        def test_shown():
            smallest = shown[-1]
            assert len(smallest) == 1
            assert list(smallest["word"]) == ["a"]
            assert list(smallest["x"]) == [0.5]
        """,
    )
    run(*OPTIONS, "--hypothesis-seed=0").assert_outcomes(passed=1, failed=1)


def test_no_health_check_complains_of_a_wide_model(run: Any, pytester: pytest.Pytester, make_model: Any) -> None:
    columns = [{"name": f"c{at}", "type": ("long", "double", "string", "datetime")[at % 4]} for at in range(60)]
    make_model("wide", inputs=columns, example=None)
    write(
        pytester,
        """
        @settings(max_examples=20, database=None)
        @given_input()
        def test_own(model_input):
            assert model_input.shape[1] == 60
        """,
    )
    run("--model-uri=wide", "test_own.py").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("decorator", "uri", "told"),
    [
        ('given_input({"nn": st.none()})', "model", 'Did you mean "n"?'),
        ("given_input()", "unsigned", "unsigned has no signature to draw inputs from"),
        ("given_input()", "gone", "there is no model at gone"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_that_shows_its_message_alone(
    run: Any, pytester: pytest.Pytester, make_model: Any, *, decorator: str, uri: str, told: str
) -> None:
    make_model("unsigned", inputs=())
    write(pytester, f"@quick\n@{decorator}\ndef test_own(model_input): pass")
    result = run(f"--model-uri={uri}", "test_own.py")
    result.assert_outcomes(errors=1)
    assert told in result.stdout.str()
    assert "given.py" not in result.stdout.str()


def test_without_a_model_it_is_an_error(run: Any, pytester: pytest.Pytester) -> None:
    write(pytester, "@quick\n@given_input()\ndef test_own(model_input): pass")
    result = run("test_own.py")
    result.assert_outcomes(errors=1)
    assert "test_own.py::test_own has no model to draw from" in result.stdout.str()


def test_an_unknown_level_is_told_where_it_is_written(run: Any, pytester: pytest.Pytester) -> None:
    write(pytester, '@given_input(level="silly")\ndef test_own(model_input): pass')
    result = run(*OPTIONS)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "not 'silly'" in result.stdout.str()


def test_called_without_pytest_it_says_so() -> None:
    from contextvars import Context

    from pytest_modelserve import SettingError, given_input

    @given_input()
    def drawing(model_input: object) -> None:
        raise NotImplementedError

    call = cast("Callable[[], None]", drawing)
    with pytest.raises(SettingError) as told:
        Context().run(call)  # outside the test that runs this
    assert told.value.happened == "given_input draws only while pytest runs a test"
