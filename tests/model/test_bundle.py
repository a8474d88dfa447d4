import hashlib
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from detector.errors import BundleError
from detector.features.registry import SCORED
from detector.model import bundle
from detector.model.train import assess

FILES = ["arrays.npz", "model.json", "population.parquet"]


@pytest.fixture
def folder(tmp_path, model):
    """A sound bundle."""
    bundle.save(model, tmp_path)
    return tmp_path


def refused(folder, said):
    with pytest.raises(BundleError, match=said) as caught:
        bundle.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert "train" in message
    return message


def edit_record(folder, change):
    record = json.loads((folder / "model.json").read_text())
    change(record)
    (folder / "model.json").write_text(json.dumps(record))


def put(folder, name, content):
    """Replace a file and the digest that vouches for it: damage that no checksum finds."""
    (folder / name).write_bytes(content)
    edit_record(folder, lambda record: record["sha256"].update({name: hashlib.sha256(content).hexdigest()}))


def put_arrays(folder, change, **options):
    with np.load(folder / "arrays.npz") as archive:
        arrays = dict(archive)
    change(arrays)
    buffer = io.BytesIO()
    np.savez(buffer, **options, **arrays)
    put(folder, "arrays.npz", buffer.getvalue())


def test_save_load_score_gives_equal_scores(folder, model, people, robots):
    rows = pl.concat([people, robots])
    told, again = assess(model, rows), assess(bundle.load(folder), rows)
    assert again.score.tolist() == told.score.tolist()
    assert again.p_value.tolist() == told.p_value.tolist()
    assert again.oriented.tolist() == told.oriented.tolist()
    assert again.grounds.conclusive.tolist() == told.grounds.conclusive.tolist()


def test_a_loaded_model_holds_all_that_was_saved(folder, model):
    loaded = bundle.load(folder)
    assert loaded.settings == model.settings
    assert loaded.facts == model.facts
    assert loaded.population.equals(model.population)
    assert loaded.population.schema == model.population.schema
    assert loaded.reference.baseline("headless", SCORED[0].name) == model.reference.baseline(
        "headless", SCORED[0].name
    )


def test_the_same_model_gives_the_same_bytes_and_a_loaded_one_too(folder, model, tmp_path_factory):
    again, loaded = tmp_path_factory.mktemp("again"), tmp_path_factory.mktemp("loaded")
    bundle.save(model, again)
    bundle.save(bundle.load(folder), loaded)
    for name in FILES:
        content = (folder / name).read_bytes()
        assert (again / name).read_bytes() == content
        assert (loaded / name).read_bytes() == content
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_the_model_id_names_the_content(folder, model, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    assert bundle.save(replace(model, facts={**model.facts, "seed": 99}), other) != bundle.model_id(folder)
    assert bundle.model_id(folder) == hashlib.sha256((folder / "model.json").read_bytes()).hexdigest()[:16]


def test_no_file_of_a_bundle_holds_a_pickle(folder):
    with zipfile.ZipFile(folder / "arrays.npz") as archive:
        for name in archive.namelist():
            header = archive.read(name)[:128]
            assert header.startswith(b"\x93NUMPY")
            assert b"'|O'" not in header


# -- what is missing or of another make -----------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert name in refused(folder, "no model bundle there")


def test_a_missing_folder_and_a_file_are_no_bundle(tmp_path):
    refused(tmp_path / "nowhere", "No such file")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "no model bundle there")
    with pytest.raises(BundleError, match="no model bundle there"):
        bundle.model_id(tmp_path / "nowhere")


def test_another_schema_version_is_refused(folder):
    edit_record(folder, lambda record: record.update(schema_version=bundle.SCHEMA_VERSION + 1))
    refused(folder, f"schema version {bundle.SCHEMA_VERSION + 1}, this program reads {bundle.SCHEMA_VERSION}")


@pytest.mark.parametrize(
    "change",
    [
        lambda names: names.__setitem__(0, "renamed"),
        lambda names: names.reverse(),
        lambda names: names.pop(),
        lambda names: names.append("one_more"),
    ],
)
def test_other_features_are_refused(folder, change):
    edit_record(folder, lambda record: change(record["features"]))
    refused(folder, "another set of features")


# -- damage ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["arrays.npz", "population.parquet"])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_a_flipped_bit_is_found(folder, name, place):
    content = bytearray((folder / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (folder / name).write_bytes(content)
    assert name in refused(folder, r"content does not match model\.json")


@pytest.mark.parametrize("name", ["arrays.npz", "population.parquet"])
@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_cut_file_is_refused_even_where_its_digest_fits(folder, name, kept):
    content = (folder / name).read_bytes()[:kept]
    (folder / name).write_bytes(content)
    refused(folder, "content does not match")
    put(folder, name, content)
    refused(folder, "damaged model bundle")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[1, 2]",
        "null",
        "7",
        '"schema_version"',
        "{}",
        '{"schema_version": 1}',
        "NaN",
        "[" * 100_000,
        "\x00\xff",
        '{"schema_version": {"a": []}}',
    ],
)
def test_a_record_that_is_no_record_is_refused(folder, text):
    (folder / "model.json").write_text(text, "utf-8")
    refused(folder, "bundle")


def test_a_record_that_is_no_text_is_refused(folder):
    (folder / "model.json").write_bytes(b"\xff\xfe\x00\x80")
    refused(folder, "damaged model bundle")


RECORDS = {
    "settings with an unknown key": lambda r: r["settings"]["model"].update(leaves=3),
    "settings with an unknown table": lambda r: r["settings"].update(extra={}),
    "settings without a key": lambda r: r["settings"]["decision"].pop("flag_p"),
    "settings without a table": lambda r: r["settings"].pop("floors"),
    "settings that are a list": lambda r: r.update(settings=list(r["settings"])),
    "a table that is a list": lambda r: r["settings"].update(usage=list(r["settings"]["usage"])),
    "a number that is text": lambda r: r["settings"]["model"].update(trees="many"),
    "a number that is null": lambda r: r["settings"]["decision"].update(flag_p=None),
    "a list that is text": lambda r: r["settings"]["paths"].update(probe="/"),
    "no settings": lambda r: r.pop("settings"),
    "no facts": lambda r: r.pop("facts"),
    "no cohorts": lambda r: r.update(cohorts=[]),
    "a cohort too many": lambda r: r["cohorts"].append("more"),
    "a cohort too few": lambda r: r["cohorts"].pop(),
    "cohorts that are a number": lambda r: r.update(cohorts=3),
    "cohorts without the interactive one": lambda r: r.update(cohorts=["a", "b"]),
    "no digests": lambda r: r.update(sha256={}),
    "digests that are a list": lambda r: r.update(sha256=["arrays.npz", "population.parquet"]),
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS.keys())
def test_a_damaged_record_is_refused(folder, change):
    edit_record(folder, change)
    refused(folder, "bundle")


ARRAYS = {
    "no calibration": lambda a: a.pop("calibration"),
    "calibration not a number": lambda a: a["calibration"].__setitem__(0, np.nan),
    "calibration as text": lambda a: a.update(calibration=a["calibration"].astype(str)),
    "calibration in two dimensions": lambda a: a.update(calibration=a["calibration"][None]),
    "tail one value short": lambda a: a.update(tail_values=a["tail_values"][:-1]),
    "tail weights one short": lambda a: a.update(tail_above=a["tail_above"][:-1]),
    "tail values not numbers": lambda a: a["tail_values"].__setitem__(3, np.nan),
    "tail total infinite": lambda a: a["tail_totals"].__setitem__(0, np.inf),
    "negative size": lambda a: a["tail_sizes"].__setitem__(0, -1),
    "sizes as fractions": lambda a: a.update(tail_sizes=a["tail_sizes"] + 0.5),
    "sizes too few": lambda a: a.update(tail_sizes=a["tail_sizes"][:-1]),
    "one distribution too few": lambda a: a.update(tail_totals=a["tail_totals"][:-1]),
    "no tails": lambda a: a.pop("tail_below"),
    "tree that loops": lambda a: a["left_child"].__setitem__(0, 0),
    "tree that points outside": lambda a: a["left_child"].__setitem__(0, 10**9),
    "forest of other columns": lambda a: a["forest"].__setitem__(1, a["forest"][1] + 1),
    "threshold not a number": lambda a: a["threshold"].__setitem__(0, np.nan),
}


@pytest.mark.parametrize("change", ARRAYS.values(), ids=ARRAYS.keys())
def test_damaged_arrays_are_refused_even_where_their_digest_fits(folder, change):
    put_arrays(folder, change)
    refused(folder, "damaged model bundle")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the bundle was executed",))


@pytest.mark.parametrize("name", ["calibration", "left_child", "tail_values", "stowaway"])
def test_a_pickle_in_the_arrays_is_refused_and_not_executed(folder, name):
    put_arrays(folder, lambda arrays: arrays.update({name: np.array([Bomb()], dtype=object)}))
    refused(folder, "damaged model bundle")
    with (
        pytest.raises(pytest.fail.Exception, match="executed"),
        np.load(folder / "arrays.npz", allow_pickle=True) as archive,
    ):
        archive[name]


def test_a_bare_pickle_instead_of_the_archive_is_refused(folder):
    put(folder, "arrays.npz", b"\x80\x04\x8c\x02os\x94.")
    refused(folder, "damaged model bundle")


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"client": ["a"]}),
        pl.DataFrame({"client": [1], "version": [1], "aspect": [1], "value": [1]}),
    ],
)
def test_a_population_of_other_columns_is_refused(folder, table):
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    put(folder, "population.parquet", buffer.getvalue())
    refused(folder, "damaged model bundle")
