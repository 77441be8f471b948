"""Requirement files as pip reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.environment.requirements import Entry, Expanded, digest_of, expand, is_include
from pytest_modelserve.errors import RequirementsError

TOP = Entry(text="-r requirements.txt", file="python_env.yaml", line=5)


def expanded(directory: Path) -> Expanded:
    return expand([TOP], directory)


def test_lines_keep_their_place(model: Callable[..., Path]) -> None:
    found = expanded(
        model({"requirements.txt": "# pins\nnumpy==1.26.4  # not 2\n\nScikit_Learn[plots]>=1 ; python_version>'3'\n"})
    )
    assert [(each.name, each.text, each.line) for each in found.requirements] == [
        ("numpy", "numpy==1.26.4", 2),
        ("scikit-learn", "Scikit_Learn[plots]>=1 ; python_version>'3'", 4),
    ]


def test_joined_lines_count_from_their_first(model: Callable[..., Path]) -> None:
    found = expanded(model({"requirements.txt": "a==1 \\\n  --hash=sha256:00 \\\n  --hash=sha256:11\nb==2\n"}))
    assert [(each.name, each.line) for each in found.requirements] == [("a", 1), ("b", 4)]
    assert found.requirements[0].text == "a==1 --hash=sha256:00 --hash=sha256:11"


def test_a_join_at_the_end_of_the_file_is_read(model: Callable[..., Path]) -> None:
    assert [each.text for each in expanded(model({"requirements.txt": "a==1 \\"})).requirements] == ["a==1"]


@pytest.mark.parametrize(
    "form", ["-r more/extra.txt", "-rmore/extra.txt", "--requirement more/extra.txt", "--requirement=more/extra.txt"]
)
def test_includes_are_followed_from_the_file_that_names_them(model: Callable[..., Path], form: str) -> None:
    files = {"requirements.txt": f"a\n{form}\n", "more/extra.txt": "b\n-r deep.txt\n", "more/deep.txt": "c\n"}
    found = expanded(model(files))
    assert [(each.name, each.file) for each in found.requirements] == [
        ("a", "requirements.txt"),
        ("b", "more/extra.txt"),
        ("c", "more/deep.txt"),
    ]


@pytest.mark.parametrize("form", ["-c limits.txt", "--constraint=limits.txt", "--constraint limits.txt"])
def test_constraints_are_told_apart(model: Callable[..., Path], form: str) -> None:
    files = {"requirements.txt": f"a\n{form}\n", "limits.txt": "b<2\n-r deep.txt\n", "deep.txt": "c<3\n"}
    found = expanded(model(files))
    assert [(each.name, each.is_constraint) for each in found.requirements] == [("a", False), ("b", True), ("c", True)]


def test_option_lines_are_kept_as_written(model: Callable[..., Path]) -> None:
    text = "--index-url https://one/simple\n--pre\n-r https://far/away.txt\na\n"
    found = expanded(model({"requirements.txt": text}))
    assert found.options == ("--index-url https://one/simple", "--pre", "-r https://far/away.txt")
    assert [each.name for each in found.requirements] == ["a"]


@pytest.mark.parametrize(
    "line",
    [
        "./wheels/a-1-py3-none-any.whl",
        "wheels/a-1-py3-none-any.whl[extra]",
        "a @ file:wheels/a-1-py3-none-any.whl",
        "-e ./wheels/a-1-py3-none-any.whl",
    ],
)
def test_a_local_package_is_hashed_by_content(model: Callable[..., Path], line: str) -> None:
    directory = model({"requirements.txt": line, "wheels/a-1-py3-none-any.whl": b"one"})
    ((_, before),) = expanded(directory).local_files
    (directory / "wheels/a-1-py3-none-any.whl").write_bytes(b"two")
    ((_, after),) = expanded(directory).local_files
    assert before != after


def test_a_local_folder_is_hashed_by_all_its_files(model: Callable[..., Path]) -> None:
    directory = model({"pkg/setup.py": "a", "pkg/src/mod.py": "b", "pkg/__pycache__/mod.pyc": "c"})
    before = digest_of(directory / "pkg")
    (directory / "pkg/__pycache__/mod.pyc").write_text("other")
    assert digest_of(directory / "pkg") == before
    (directory / "pkg/src/mod.py").rename(directory / "pkg/src/other.py")
    assert digest_of(directory / "pkg") != before


@pytest.mark.parametrize(
    "line",
    ["https://host/a-1-py3-none-any.whl", "git+https://host/a@v1", "a @ https://host/a.whl", "a@git+ssh://git@host/a"],
)
def test_a_remote_location_is_no_local_file(model: Callable[..., Path], line: str) -> None:
    found = expanded(model({"requirements.txt": line}))
    assert found.local_files == ()
    assert [each.text for each in found.requirements] == [line]


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("a\nnumpy=1.26\n", 2, "numpy==1.26"),
        ("a\n\n-r gone.txt\n", 3, "gone.txt"),
        ("./gone.whl\n", 1, "gone.whl"),
        ("what is this\n", 1, "name==version"),
        ("-r requirements.txt\n", 1, "Remove `-r requirements.txt`"),
    ],
)
def test_a_bad_line_is_named(model: Callable[..., Path], text: str, line: int, fix: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        expanded(model({"requirements.txt": text}))
    assert caught.value.facts["file"] == "requirements.txt"
    assert caught.value.facts["line"] == line
    assert caught.value.happened.startswith(f"requirements.txt, line {line}: ")
    assert fix in caught.value.fix


def test_a_missing_top_file_names_who_asked(model: Callable[..., Path]) -> None:
    with pytest.raises(RequirementsError) as caught:
        expanded(model({}))
    assert caught.value.happened == "python_env.yaml, line 5: requirements.txt cannot be read: it is not there"


def test_a_file_in_another_encoding_is_refused(model: Callable[..., Path]) -> None:
    with pytest.raises(RequirementsError, match="cannot be read"):
        expanded(model({"requirements.txt": "numpy # größer".encode("latin-1")}))


LONG = "long" * 100  # more than a name in a directory may have


@pytest.mark.parametrize(
    "text",
    [f"./{LONG}.whl", f"-r {LONG}", f"-r file:{LONG}", f"a @ file:{LONG}", "-r a\0b", "-c a\0b", "./a\0.whl"],
    ids=lambda text: text[:12].replace("\0", "NUL"),
)
def test_a_name_that_no_file_can_have_is_told_with_its_place(model: Callable[..., Path], text: str) -> None:
    directory = model({"requirements.txt": f"a==1\n{text}\n"})
    with pytest.raises(RequirementsError) as caught:
        expand([TOP], directory)
    assert caught.value.happened.startswith("requirements.txt, line 2: ")
    assert (caught.value.facts["file"], caught.value.facts["line"]) == ("requirements.txt", 2)


@pytest.mark.parametrize("text", [f"-e {LONG}", f"-f {LONG}", "-f a\0b"], ids=["-e", "-f", "-f NUL"])
def test_what_need_not_be_a_file_is_no_broken_run(model: Callable[..., Path], text: str) -> None:
    directory = model({"requirements.txt": f"{text}\n"})
    with suppress(RequirementsError):  # Python 3.11 raises where later ones say that it is not there
        found = expand([TOP], directory)
        assert found.local_files == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_package_that_may_not_be_read_is_told_with_its_place(model: Callable[..., Path]) -> None:
    directory = model({"requirements.txt": "./a.whl\n", "a.whl": "x"})
    (directory / "a.whl").chmod(0)
    with pytest.raises(RequirementsError) as caught:
        expand([TOP], directory)
    assert caught.value.facts["line"] == 1


def test_the_same_file_may_be_included_twice(model: Callable[..., Path]) -> None:
    files = {"requirements.txt": "-r x.txt\n-r y.txt\n", "x.txt": "-r z.txt", "y.txt": "-r z.txt", "z.txt": "a"}
    assert [each.name for each in expanded(model(files)).requirements] == ["a", "a"]


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}==[0-9]\.[0-9]", fullmatch=True), max_size=6), st.data())
def test_comments_blanks_and_joins_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("model")
    before, after = (
        st.sampled_from(["", "# x\n", "  # joins nothing \\\n", "\n"]),
        st.sampled_from(["", "  # note", " "]),
    )
    (directory / "requirements.txt").write_text(
        "\n".join(
            data.draw(before) + line.replace("==", data.draw(st.sampled_from(["==", " \\\n=="]))) + data.draw(after)
            for line in lines
        )
    )
    assert [each.text.replace(" ", "") for each in expanded(directory).requirements] == lines


@pytest.mark.parametrize(
    "line", ["-r https://user:secret@host/a.txt extra words", "https//user:secret and://user:secret@host"]
)
def test_an_error_shows_no_password(model: Callable[..., Path], line: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        expanded(model({"requirements.txt": f"a b {line}\n"}))
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "is_editable", "location"),
    [
        ("-e ./own", True, "./own"),
        ("--editable=own", True, "./own"),
        ("./own[fast] ; python_version > '3'", False, "./own"),
        ("own @ file:own", False, "own"),
        ("-e git+https://host/own", True, ""),
        ("-e own @ git+https://host/own", True, ""),
        ("-e own[fast]", True, "./own"),
        ("own-e==1", False, ""),
    ],
)
def test_sources_and_where_they_are(model: Callable[..., Path], line: str, location: str, *, is_editable: bool) -> None:
    (found,) = expanded(model({"requirements.txt": line, "own/setup.py": ""})).requirements
    assert (found.is_editable, found.location) == (is_editable, location)


def test_paths_are_counted_from_the_model_in_every_file(model: Callable[..., Path]) -> None:
    files = {"requirements.txt": "-r more/one.txt\n", "more/one.txt": "./own\n", "more/own/setup.py": ""}
    with pytest.raises(RequirementsError) as caught:
        expanded(model(files))
    assert caught.value.happened == "more/one.txt, line 1: ./own is not there"
    assert "from which paths are counted" in caught.value.fix
    assert [each.location for each in expanded(model({"own/setup.py": ""})).requirements] == ["./own"]


@pytest.mark.parametrize("form", ["-f ../wheels", "-f../wheels", "--find-links ../wheels", "--find-links=wheels"])
def test_a_folder_of_packages_in_the_model_is_hashed(model: Callable[..., Path], form: str) -> None:
    files = {"requirements.txt": "-r more/one.txt\n", "more/one.txt": f"{form}\na\n", "wheels/a-1.whl": "one"}
    directory = model(files)
    ((_, before),) = expanded(directory).local_files
    (directory / "wheels/a-1.whl").write_text("two")
    ((_, after),) = expanded(directory).local_files
    assert before != after


@pytest.mark.parametrize("target", ["https://host/wheels", "/usr", "gone", "../"])
def test_a_folder_of_packages_elsewhere_is_not(model: Callable[..., Path], target: str) -> None:
    assert expanded(model({"requirements.txt": f"--find-links {target}\n"})).local_files == ()


@pytest.mark.parametrize(("line", "is_one"), [("-r a.txt", True), ("--constraint=a.txt", True), ("--pre", False)])
def test_lines_that_include(line: str, *, is_one: bool) -> None:
    assert is_include(line) is is_one
