"""The marker `served_model`: on functions, classes and modules, with the settings as keywords."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _models(make_model: Any) -> None:
    """Have two healthy models in the folders `model` and `other`."""
    make_model("model")
    make_model("other")


def test_the_closest_marker_wins(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.served_model("model")

        def test_module(model_uri):
            assert model_uri == "model"

        @pytest.mark.served_model("other")
        class TestClass:
            def test_class(self, model_uri):
                assert model_uri == "other"

            @pytest.mark.served_model("model/")
            def test_function(self, model_uri):
                assert model_uri == "model"

        @pytest.mark.served_model("model")
        @pytest.mark.served_model(uri="other")
        def test_two(model_uri):
            assert model_uri == "other"
        """
    )
    run().assert_outcomes(passed=4)


def test_of_two_on_a_class_the_one_beside_it_wins(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.served_model("other")
        @pytest.mark.served_model("model")
        class TestClass:
            def test_class(self):
                pass

            def test_drawn(self, model_uri):
                pass
        """
    )
    assert run.collected() == [
        "test_of_two_on_a_class_the_one_beside_it_wins.py::TestClass::test_class",
        "test_of_two_on_a_class_the_one_beside_it_wins.py::TestClass::test_drawn[model]",
    ]


def test_keywords_are_settings_and_win_over_the_command_line(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.served_model("model", env_manager="local", seed=7, checks=["smoke"], domain={"n": {"min": 1}})
        def test_own(served_model):
            settings = served_model.subject.settings
            assert (settings.env_manager, settings.seed, settings.checks) == ("local", 7, ("smoke",))
            assert served_model.subject.domain.columns["n"].min == 1

        @pytest.mark.served_model("model", env_manager="local")
        def test_plain(served_model):
            assert served_model.subject.settings.seed == 3
        """
    )
    run("--model-env-manager=uv", "--model-seed=3").assert_outcomes(passed=2)


def test_equal_markers_share_a_server_and_their_fixtures(run: Any, pytester: pytest.Pytester, make_model: Any) -> None:
    shared = make_model("shared")
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session")
        def expensive(model_client, made=[]):
            made.append(model_client)
            assert len(made) == 1
            return model_client

        @pytest.mark.served_model("shared", seed=1, pass_env=["A"])
        def test_one(expensive):
            assert expensive.ping()

        @pytest.mark.served_model("shared", pass_env=["A"], seed=1)
        def test_two(expensive):
            assert expensive.ping()
        """
    )
    run().assert_outcomes(passed=2)
    assert shared.loads == 1


def test_a_relative_path_begins_at_the_root_directory(
    run: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]")
    folder = pytester.mkdir("sub")
    folder.joinpath("test_own.py").write_text(
        "import pytest\n\n"
        '@pytest.mark.served_model("model")\n'
        "def test_own(served_model):\n"
        '    assert served_model.model.uri == "model"\n'
        f"    assert served_model.model.path == __import__('pathlib').Path({str(pytester.path / 'model')!r})\n"
    )
    monkeypatch.chdir(folder)
    result = run("-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_own.py::test_own?model? PASSED*"])


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ('"model", env_mangler="local"', "Did you mean 'env_manager'?"),
        ('"model", seed="x"', "--model-seed cannot be 'x'"),
        ("", "takes one model URI, not none"),
        ("3", "takes one model URI, not 3"),
        ('"model", "other"', "takes one model URI, not 'model', 'other'"),
    ],
)
def test_a_wrong_marker_is_told_where_it_is_collected(
    run: Any, pytester: pytest.Pytester, marker: str, told: str
) -> None:
    pytester.makepyfile(test_own=f"import pytest\n\n@pytest.mark.served_model({marker})\ndef test_own(model_uri): pass")
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    output = result.stdout.str()
    assert "test_own.py::test_own: SettingError: " in output
    assert told in output
    assert "fixtures.py" not in output  # no traceback of ours


def test_a_marker_on_a_test_without_fixtures_serves_nothing(
    run: Any, pytester: pytest.Pytester, make_model: Any
) -> None:
    unused = make_model("unused")
    pytester.makepyfile("import pytest\n\n@pytest.mark.served_model('unused')\ndef test_own(): pass")
    run("--strict-markers").assert_outcomes(passed=1)
    assert unused.loads == 0


def test_it_stands_among_the_markers(run: Any) -> None:
    run("--markers").stdout.fnmatch_lines(["@pytest.mark.served_model(uri,*", "@pytest.mark.model_contract*"])
