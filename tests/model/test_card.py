import pytest

from detector.features.registry import SCORED
from detector.model.card import card
from detector.schema import FAMILIES


@pytest.fixture(scope="module")
def text(model):
    missing = {"cadence": ["pause_share"], "fingerprint": ["ja4_bits"]}
    families = {
        name: {"available": True, "features_not_available": missing.get(name, [])} for name in FAMILIES
    }
    return card(model, families)


def test_every_feature_of_the_model_has_a_row(text):
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"`{record.name}`" for record in SCORED]


def test_every_fact_of_the_training_is_named(text, model):
    for name, value in model.facts.items():
        assert f"| {name.replace('_', ' ')} | {value} |" in text


def test_features_that_the_log_could_not_feed_are_named(text, model):
    assert "could not feed: `ja4_bits`, `pause_share`." in text
    assert "could not feed: none." in card(model, {"usage": {"features_not_available": []}})


def test_tables_keep_their_columns(text):
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert [{line.replace(r"\|", "").count("|") for line in block} for block in blocks] == [{3}, {7}]
