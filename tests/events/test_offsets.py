"""Which rules of zones a process goes by."""

import zoneinfo
from importlib.metadata import version

import pytest

from events import offsets


@pytest.fixture
def folders():
    """Let zones be looked for in these folders."""
    before = zoneinfo.TZPATH
    yield lambda *paths: zoneinfo.reset_tzpath(to=[str(path) for path in paths])
    zoneinfo.reset_tzpath(to=before)


@pytest.mark.parametrize(
    ("first_line", "expected"),
    [("# version 2031c\n", "2031c"), ("# version 2031c-dirty\n", "2031c"), ("Rule New\n", "")],
)
def test_the_version_is_that_of_the_folder_that_is_found_first(
    folders, tmp_path, first_line, expected
):
    other = tmp_path / "other"
    for folder, line in ((tmp_path, first_line), (other, "# version 1999a\n")):
        folder.mkdir(exist_ok=True)
        (folder / "tzdata.zi").write_text(line + "# This is in the public domain.\n")
    folders(tmp_path / "nowhere", tmp_path, other)

    assert offsets.rules_version() == expected


def test_a_folder_without_a_version_has_none(folders, tmp_path):
    folders(tmp_path)

    assert offsets.rules_version() == ""


def test_without_a_folder_it_is_that_of_the_package(folders):
    folders()

    year, number = version("tzdata").split(".")
    assert offsets.rules_version() == f"{year}{'abcdefghijklmnopqrstuvwxyz'[int(number) - 1]}"
