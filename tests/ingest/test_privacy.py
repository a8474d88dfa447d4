import errno
import hashlib
import hmac

import polars as pl
import pytest

from detector.errors import InputError
from detector.ingest.privacy import PSEUDONYMOUS, Pseudonyms, load_key

KEY = "0123456789abcdef"


def test_a_pseudonym_is_the_first_half_of_the_standard_hmac():
    frame = pl.DataFrame({"account_id": ["ann", None, "", "bob"]})
    made = frame.select(Pseudonyms(KEY).pseudonym("account_id")).to_series().to_list()
    whole = [hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest() for text in ("ann", "", "bob")]
    assert made == [whole[0][:32], None, whole[1][:32], whole[2][:32]]


def test_the_published_test_vector_of_hmac_sha256():
    # RFC 4231, test case 2.
    frame = pl.DataFrame({"x": ["what do ya want for nothing?"]})
    made = frame.select(Pseudonyms("Jefe").pseudonym("x")).item()
    assert made == "5bdcc146bf60754e6a042426089575c7"


def test_other_keys_make_other_names_checks_and_seeds():
    one, other = Pseudonyms(KEY), Pseudonyms(KEY + "!")
    frame = pl.DataFrame({"x": ["ann"]})
    assert frame.select(one.pseudonym("x")).item() != frame.select(other.pseudonym("x")).item()
    assert one.check != other.check
    assert one.seed != other.seed
    assert KEY not in repr(one)


def test_addresses_become_pseudonyms_even_where_ids_are_kept():
    assert Pseudonyms(KEY).columns == PSEUDONYMOUS
    assert Pseudonyms(KEY, keep_ids=True).columns == ("client_ip",)


def test_a_key_is_made_once_for_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv("DETECTOR_KEY")
    place = tmp_path / "new" / "store.key"
    key = load_key(None, place)
    assert len(key) == 64
    assert load_key(None, place) == key
    assert place.stat().st_mode & 0o777 == 0o600


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_key_that_could_not_be_written_is_made_by_the_next_run(tmp_path, monkeypatch):
    monkeypatch.delenv("DETECTOR_KEY")
    with monkeypatch.context() as patch:
        patch.setattr("secrets.token_hex", full_disk)
        with pytest.raises(InputError, match="cannot be used as key file"):
            load_key(None, tmp_path / "store.key")
    assert not (tmp_path / "store.key").exists()
    assert len(load_key(None, tmp_path / "store.key")) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["store.key"]


def test_a_key_file_comes_before_the_environment_and_that_before_a_new_file(tmp_path, monkeypatch):
    place, given = tmp_path / "store.key", tmp_path / "given"
    given.write_text(f"  {KEY}-from-file\n")
    monkeypatch.setenv("DETECTOR_KEY", f"{KEY}-from-environment")
    assert load_key(given, place) == f"{KEY}-from-file"
    assert load_key(None, place) == f"{KEY}-from-environment"
    assert not place.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"short", "has 5 characters"), (b"\xff\xfe" * 20, "not text"), (None, "No such file")],
)
def test_bad_keys_are_one_clear_line(content, said, tmp_path):
    place = tmp_path / "key"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        load_key(place, tmp_path / "beside")
    assert "\n" not in str(error.value)
