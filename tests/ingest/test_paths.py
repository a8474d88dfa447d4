import polars as pl
import pytest

from detector.ingest.paths import KIND, bare_path, path_kinds
from detector.settings import PathSettings, default_settings


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/messages", "inference"),
        ("/v1/chat/completions", "inference"),
        ("/v1/responses", "inference"),
        ("/api/organizations/o/chat_conversations/c/completion", "inference"),
        ("/v1/messages/count_tokens", "count_tokens"),
        ("/api/event_logging/batch", "telemetry"),
        ("/api/event_logging/", "telemetry"),
        ("/api/event_logging", "other"),
        ("/api/hello", "probe"),
        ("/", "probe"),
        ("", "other"),
        ("/V1/messages", "other"),
        ("/v1/messages/", "other"),
        ("/v1/messages\n", "other"),
        ("x/v1/messages", "other"),
        ("/a\nb/completion", "inference"),
        (None, None),
    ],
)
def test_default_globs(path, kind):
    kinds = path_kinds(pl.Series([path], dtype=pl.String), default_settings().paths)
    assert kinds.dtype == KIND
    assert kinds.to_list() == [kind]


def test_first_kind_wins_in_field_order():
    globs = PathSettings(count_tokens=("/a*",), inference=("/a*", "/b"), telemetry=("*",), probe=("/b",))
    assert path_kinds(pl.Series(["/ab", "/b", "/c"]), globs).to_list() == [
        "count_tokens",
        "inference",
        "telemetry",
    ]


def test_no_globs_make_every_path_other():
    globs = PathSettings(count_tokens=(), inference=(), telemetry=(), probe=())
    assert path_kinds(pl.Series(["/v1/messages", ""]), globs).to_list() == ["other", "other"]


@pytest.mark.parametrize(
    ("path", "bare"),
    [("/a?b=1", "/a"), ("/a#b?c", "/a"), ("/a?\n#", "/a"), ("?", ""), ("/a", "/a"), (None, None)],
)
def test_query_and_fragment_are_cut(path, bare):
    frame = pl.DataFrame({"path": [path]}, schema={"path": pl.String})
    assert frame.select(bare_path(pl.col("path"))).item() == bare
