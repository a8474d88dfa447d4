"""A model on disk: plain arrays, a table and a record; nothing in it is executed.

A bundle is a folder of ``model.json`` (schema version, settings, facts, digests),
``arrays.npz`` (forest, reference, calibration; loaded without pickle),
``population.parquet`` (fingerprints by client) and ``CARD.md`` for people.
"""

import hashlib
import io
import json
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from joblib import cpu_count
from numpy.typing import NDArray

from detector.errors import BundleError
from detector.features.fingerprint import POPULATION
from detector.features.registry import SCORED
from detector.model.evidence import widen
from detector.model.forest import ThreadedIsolationForest, flat_array
from detector.model.reference import EVERYONE, Reference, Tail
from detector.model.train import Model
from detector.settings import Settings

__all__ = ["SCHEMA_VERSION", "default_bundle", "load", "model_id", "save"]

SCHEMA_VERSION = 2
"""Raised whenever a bundle of an earlier version could not be read as it is."""


def default_bundle() -> Path:
    """Return the folder of the bundle that travels with the package."""
    package = Path(str(resources.files("detector")))
    shipped = package / "bundles" / "default"
    return shipped if shipped.is_dir() else package.parent / "models" / "default"


def save(model: Model, folder: Path) -> str:
    """Write a bundle into an existing folder and return the model's id.

    The same model gives the same bytes.
    """
    payload = {"arrays.npz": _arrays(model), "population.parquet": _population(model.population)}
    record = {
        "schema_version": SCHEMA_VERSION,
        "features": [record.name for record in SCORED],
        "cohorts": sorted(model.reference.tails),
        "settings": asdict(model.settings),
        "facts": model.facts,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in payload.items()},
    }
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    for name, data in payload.items():
        (folder / name).write_bytes(data)
    (folder / "model.json").write_text(text, "utf-8")
    return model_id(folder)


def model_id(folder: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of ``model.json``, which names all else by digest.

    Raises:
        BundleError: there is no bundle.

    """
    return hashlib.sha256(_read(folder, "model.json")).hexdigest()[:16]


def load(folder: Path) -> Model:
    """Read a bundle.

    Raises:
        BundleError: missing, damaged, of another schema version or of other features.

    """
    record, files = _verified(folder)
    try:
        with np.load(io.BytesIO(files["arrays.npz"]), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return Model(
            settings=Settings.from_tables(record["settings"]),
            reference=_reference(arrays, record["cohorts"]),
            forest=_forest(arrays),
            calibration=flat_array(arrays, "calibration", "f"),
            population=pl.read_parquet(io.BytesIO(files["population.parquet"])).cast(POPULATION),
            facts=record["facts"],
        )
    except Exception as error:
        raise _damaged(folder, error) from error


def _verified(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the record of a bundle and the content of the files that it vouches for."""
    text = _read(folder, "model.json")
    try:
        record = json.loads(text)
        version = record["schema_version"]
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"{folder}: bundle of schema version {version}, this program reads {SCHEMA_VERSION}; "
                "train a model with this version"
            )
        if record["features"] != [feature.name for feature in SCORED]:
            raise BundleError(f"{folder}: bundle of another set of features; train a model with this version")
        files = {name: _read(folder, name) for name in ("arrays.npz", "population.parquet")}
        for name, content in files.items():
            if hashlib.sha256(content).hexdigest() != record["sha256"][name]:
                raise BundleError(
                    f"{folder / name}: content does not match model.json; restore or train the bundle"
                )
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(folder, error) from error
    return record, files


def _damaged(folder: Path, error: Exception) -> BundleError:
    """Return the error of a bundle that is not what it should be, in one line."""
    what = str(error).removeprefix("model bundle: ").partition("; ")[0].partition("\n")[0]
    return BundleError(f"{folder}: damaged model bundle ({what}); restore it or train a new one")


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(
            f"{folder / name}: no model bundle there ({error.strerror}); train one or leave --model out"
        ) from error


def _population(population: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    population.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _arrays(model: Model) -> bytes:
    """Pack forest, tails (of all cohorts one after the other) and calibration."""
    tails = [tail for cohort in sorted(model.reference.tails) for tail in model.reference.tails[cohort]]
    arrays: dict[str, NDArray[Any]] = model.forest.to_arrays()
    arrays["calibration"] = model.calibration
    arrays["tail_sizes"] = np.array([len(tail.values) for tail in tails])
    arrays["tail_totals"] = np.array([tail.total for tail in tails])
    for field in ("values", "above", "below"):
        arrays[f"tail_{field}"] = np.concatenate([getattr(tail, field) for tail in tails])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})
    return buffer.getvalue()


def _forest(arrays: dict[str, NDArray[Any]]) -> ThreadedIsolationForest:
    forest = ThreadedIsolationForest.from_arrays(arrays, n_jobs=cpu_count())
    if forest.n_features_in_ != widen(np.zeros((0, len(SCORED))), SCORED).shape[1]:
        raise ValueError("the forest was grown on other columns")
    return forest


def _reference(arrays: dict[str, NDArray[Any]], cohorts: list[str]) -> Reference:
    sizes = flat_array(arrays, "tail_sizes", "iu", len(cohorts) * len(SCORED))
    totals = flat_array(arrays, "tail_totals", "f", len(sizes))
    parts = {}
    for field in ("values", "above", "below"):
        values = flat_array(arrays, f"tail_{field}", "f", int(sizes.sum()))
        parts[field] = np.split(values, np.cumsum(sizes)[:-1])
    if (sizes < 0).any() or EVERYONE not in cohorts:
        raise ValueError("reference of impossible shape")
    tails = [
        Tail(parts["values"][i], parts["above"][i], parts["below"][i], float(total))
        for i, total in enumerate(totals)
    ]
    size = len(SCORED)
    return Reference(SCORED, {cohort: tails[i * size : (i + 1) * size] for i, cohort in enumerate(cohorts)})
