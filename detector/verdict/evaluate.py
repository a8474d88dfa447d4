"""Figures of a verdict folder against labels: ranking, own flags and the flag rate of every class.

::

    verdicts + labels -> joined -> ranked (average precision, recall at false flags)
                                -> flags (false discovery proportion, recall)
                                -> classes (flag rate with its interval, verdict counts)

Labels other than ``harness`` are negatives. Accounts labelled ``declared_third_party`` or
``out_of_scope`` are decided by policy, not by the model: they are counted by class and left out of
everything else.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score

from detector.errors import InputError

__all__ = ["ClassFigures", "Figures", "Operating", "evaluate", "evaluate_frames", "recall_at", "wilson"]

POSITIVE = "harness"
BY_POLICY = ("declared_third_party", "out_of_scope", "permitted")
UNRANKED = (*BY_POLICY, "insufficient_data")
FALSE_FLAG_RATES = (0.01, 0.001)
TRUE_WORDS = ("harness", "true", "1", "1.0")
FALSE_WORDS = {"false": "genuine", "0": "genuine", "0.0": "genuine"}


@dataclass(frozen=True, slots=True)
class Operating:
    """Recall at a given share of false flags.

    Attributes:
        false_flag_rate: share of ranked negatives that may be flagged at most.
        allowed: that share in whole negatives, rounded down.
        threshold: the ``allowed + 1``-th highest score of a negative. Only scores strictly above it
            are flagged, so that ties with a negative never count as found.
        recall: share of ranked positives above the threshold.

    """

    false_flag_rate: float
    allowed: int
    threshold: float
    recall: float


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What happened to one class.

    Attributes:
        name: the class; the label where the label file has no class.
        label: the label of its members.
        members: accounts (or sessions) of it.
        flagged: of them, flagged.
        flag_rate: ``flagged / members``.
        low: lower end of the Wilson 95 % interval of the flag rate.
        high: upper end.
        verdicts: members by verdict, most first; for sessions the verdict of their account.

    """

    name: str
    label: str
    members: int
    flagged: int
    flag_rate: float
    low: float
    high: float
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one run. Shares are in [0, 1]; None where there is nothing to compute from.

    Attributes:
        unit: ``account`` or ``session``.
        evaluated: accounts or sessions with both a verdict and a label.
        positives: of them, labelled ``harness``.
        ranked: those in the ranking: not left out by policy, not ``insufficient_data``, with a score.
        ranked_positives: of them, labelled ``harness``.
        left_out: the others, by reason.
        unmatched_labels: labels without a verdict.
        average_precision: of the ranking by score; None where one side is empty after leaving out.
        at_false_flags: recall at 1 % and at 0.1 % false flags; empty likewise.
        flagged: flagged, of those not decided by their label's policy.
        false_discovery: share of the flagged that are not harnesses; None where nothing is flagged.
        recall: share of all harnesses that are flagged; one without enough data counts as missed.
        classes: figures of each class, by name.

    """

    unit: str
    evaluated: int
    positives: int
    ranked: int
    ranked_positives: int
    left_out: dict[str, int]
    unmatched_labels: int
    average_precision: float | None
    at_false_flags: tuple[Operating, ...]
    flagged: int
    false_discovery: float | None
    recall: float
    classes: tuple[ClassFigures, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the figures as plain dictionaries and lists, ready for JSON."""
        plain = asdict(self)
        return plain | {name: list(plain[name]) for name in ("at_false_flags", "classes")}


def evaluate(verdicts: str | Path, labels: str | Path) -> Figures:
    """Compare a verdict folder with a label file.

    Args:
        verdicts: a folder written by ``score``: ``accounts.parquet`` and, for session labels,
            ``sessions.parquet``.
        labels: Parquet, CSV or NDJSON with ``account_id``, ``label`` (``harness`` is positive; true/false
            and 1/0 do as well) and optionally ``class``. With ``session_id`` they are labels of sessions,
            joined to ``session`` of ``sessions.parquet``. Rows with a null id or label are not used.

    Returns:
        The figures, of sessions where the labels are of sessions.

    Raises:
        InputError: a file or a column is missing, a label is given twice, nothing is in common, or all
            that is in common is of one side.

    """
    verdicts = Path(verdicts)
    accounts = _table(verdicts / "accounts.parquet", ("account_id", "verdict", "flagged", "score"))
    table = _table(Path(labels), ("account_id", "label"))
    if "session_id" not in table.columns:
        return evaluate_frames(accounts, table, unit="account", where=str(labels))
    sessions = _table(verdicts / "sessions.parquet", ("account_id", "session", "flagged", "score"))
    sessions = sessions.select("account_id", "session", "flagged", "score").join(
        accounts.select("account_id", "verdict"), on="account_id", how="left"
    )
    sessions = sessions.rename({"session": "session_id"})
    return evaluate_frames(sessions, table, unit="session", where=str(labels))


def evaluate_frames(verdicts: pl.DataFrame, labels: pl.DataFrame, *, unit: str, where: str) -> Figures:
    """Compare verdicts and labels that are already read.

    Args:
        verdicts: ``account_id, verdict, flagged, score``, and ``session_id`` for sessions.
        labels: as in a label file.
        unit: ``account`` or ``session``.
        where: what errors call the labels.

    Raises:
        InputError: as ``evaluate``.

    """
    keys = ["account_id"] if unit == "account" else ["account_id", "session_id"]
    labels = _labels(labels, keys, where)
    columns = [*keys, "verdict", "flagged", "score"]
    joined = labels.join(_typed(verdicts.select(columns), keys), on=keys)
    if joined.is_empty():
        raise InputError(f"{where}: none of its {unit}s has a verdict; label the {unit}s that were scored")
    by_policy = joined["label"].is_in(BY_POLICY)
    judged = joined.filter(~by_policy)
    positives = judged.filter(pl.col("label") == POSITIVE).height
    if positives in (0, judged.height):
        side = "no harness" if positives == 0 else "nothing but harnesses"
        raise InputError(
            f"{where}: {side} among the {unit}s with a verdict; figures need labels of both sides"
        )
    reason = (
        pl.when(pl.col("label").is_in(BY_POLICY))
        .then(pl.lit("label ") + pl.col("label"))
        .when(pl.col("verdict").is_in(UNRANKED))
        .then(pl.lit("verdict ") + pl.col("verdict"))
        .when(pl.col("score").is_null() | pl.col("score").is_nan())
        .then(pl.lit("no score"))
    )
    ranked = joined.filter(reason.is_null())
    truth = (ranked["label"] == POSITIVE).to_numpy()
    score = ranked["score"].to_numpy()
    both = bool(truth.any() and not truth.all())
    flagged = judged.filter("flagged")
    found = flagged.filter(pl.col("label") == POSITIVE).height
    return Figures(
        unit=unit,
        evaluated=joined.height,
        positives=positives,
        ranked=ranked.height,
        ranked_positives=int(truth.sum()),
        left_out=_counts(joined.select(reason.alias("reason"))["reason"].drop_nulls()),
        unmatched_labels=labels.height - joined.height,
        average_precision=float(average_precision_score(truth, score)) if both else None,
        at_false_flags=tuple(recall_at(rate, truth, score) for rate in FALSE_FLAG_RATES) if both else (),
        flagged=flagged.height,
        false_discovery=(flagged.height - found) / flagged.height if flagged.height else None,
        recall=found / positives,
        classes=tuple(_class(part) for part in joined.sort("class", "label").partition_by("class", "label")),
    )


def recall_at(rate: float, truth: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> Operating:
    """Give the recall where at most a share of the negatives is flagged.

    Args:
        rate: that share, in [0, 1).
        truth: true where positive; both sides present.
        score: higher = more suspicious.

    """
    negatives = np.sort(score[~truth])[::-1]
    allowed = int(np.floor(rate * len(negatives) + 1e-9))
    threshold = float(negatives[allowed])
    return Operating(rate, allowed, threshold, float((score[truth] > threshold).mean()))


def wilson(flagged: int, members: int) -> tuple[float, float]:
    """Give the Wilson 95 % interval of a flag rate of at least one member."""
    interval = binomtest(flagged, members).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _class(members: pl.DataFrame) -> ClassFigures:
    """Figures of the members of one class."""
    flagged = int(members["flagged"].sum())
    low, high = wilson(flagged, members.height)
    return ClassFigures(
        name=str(members["class"][0]),
        label=str(members["label"][0]),
        members=members.height,
        flagged=flagged,
        flag_rate=flagged / members.height,
        low=low,
        high=high,
        verdicts=_counts(members["verdict"].fill_null("none")),
    )


def _counts(values: pl.Series) -> dict[str, int]:
    """Count values, most frequent first, then by name."""
    name = values.name
    counted = values.value_counts().sort("count", name, descending=[True, False])
    return dict(counted.iter_rows())


def _typed(verdicts: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Give ids, scores and flags the types that the comparison needs."""
    return verdicts.with_columns(
        pl.col(keys).cast(pl.String),
        pl.col("score").cast(pl.Float64),
        pl.col("flagged").cast(pl.Boolean).fill_null(value=False),
    )


def _labels(labels: pl.DataFrame, keys: list[str], where: str) -> pl.DataFrame:
    """Labels as ``keys, label, class``, a row a key."""
    word = pl.col("label").cast(pl.String).str.strip_chars().str.to_lowercase()
    label = pl.when(word.is_in(TRUE_WORDS)).then(pl.lit(POSITIVE)).otherwise(word.replace(FALSE_WORDS))
    name = pl.col("class").cast(pl.String) if "class" in labels.columns else pl.lit(None, pl.String)
    clean = labels.with_columns(pl.col(keys).cast(pl.String), label=label).drop_nulls([*keys, "label"])
    clean = clean.select(*keys, "label", **{"class": name.fill_null(pl.col("label"))}).unique()
    if clean.select(keys).is_duplicated().any():
        twice = clean.filter(clean.select(keys).is_duplicated()).sort(keys).row(0)[: len(keys)]
        raise InputError(f"{where}: {' / '.join(twice)} has two different labels; keep one row for each")
    return clean


def _table(path: Path, needed: Sequence[str]) -> pl.DataFrame:
    """Read one table and check its columns."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a folder that `score` wrote and a label file")
    try:
        if path.suffix == ".parquet":
            table = pl.read_parquet(path)
        elif path.suffix == ".csv":
            table = pl.read_csv(path, infer_schema=False)
        elif path.suffix in {".ndjson", ".jsonl", ".json"}:
            table = pl.read_ndjson(path, infer_schema_length=None)
        else:
            raise InputError(f"{path}: unknown kind of file; use .parquet, .csv, .ndjson or .jsonl")
    except (PolarsError, OSError, ValueError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: cannot be read ({cause}); write it again or give another file") from error
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: lacks {', '.join(missing)}; it has {', '.join(table.columns) or 'no columns'}"
        )
    return table
