import pytest

from detector.errors import InputError
from detector.output import new_file


def test_a_new_file_takes_the_place_of_an_old_one_when_all_went_well(tmp_path):
    target = tmp_path / "deep" / "page.html"
    for text in ("old", "new"):
        with new_file(target) as path:
            path.write_text(text)
            assert not target.exists() or target.read_text() == "old"
        assert target.read_text() == text
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]


def test_a_failure_leaves_what_was_there(tmp_path):
    target = tmp_path / "page.html"
    target.write_text("old")

    def fail():
        with new_file(target) as path:
            path.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="is a folder; give a file for the output"), new_file(tmp_path):
        raise AssertionError
