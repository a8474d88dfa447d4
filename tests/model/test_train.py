from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from detector.errors import TrainingError
from detector.features.registry import SCORED
from detector.model.train import assess, fit

pytestmark = pytest.mark.filterwarnings("error")


def test_scores_lie_between_zero_and_one_and_put_robots_first(model, people, robots):
    told = assess(model, pl.concat([people, robots]))
    assert ((told.score >= 0) & (told.score <= 1)).all()
    assert told.score[-5:].min() > told.score[:-5].max()
    assert told.oriented.shape == (people.height + 5, len(SCORED))


def test_robots_are_conclusive_and_people_are_not(model, people, robots):
    told = assess(model, pl.concat([people, robots]))
    assert told.grounds.conclusive.tolist() == [False] * people.height + [True] * 5
    # No clean account of 60 scores as high: p is one in 61.
    assert told.p_value[-5:] == pytest.approx(np.full(5, 1 / 61))


def test_an_empty_table_is_assessed(model, people):
    told = assess(model, people[:0])
    assert told.score.shape == told.p_value.shape == told.grounds.conclusive.shape == (0,)
    assert told.oriented.shape == (0, len(SCORED))


def test_calibration_holds_one_score_an_account_in_ascending_order(model):
    assert model.calibration.shape == (60,)
    assert (np.diff(model.calibration) >= 0).all()
    assert ((model.calibration > 0) & (model.calibration < 1)).all()


def test_facts_count_the_training_log(model, people):
    assert model.facts["accounts"] == 60
    assert model.facts["streams"] == people.height
    assert model.facts["requests"] == people["served"].sum()
    assert model.facts["accounts_in_calibration"] == 60
    assert model.facts["accounts_left_out_of_calibration"] == 0


def test_conclusive_accounts_are_left_out_of_the_calibration(people, robots, population, quick):
    mixed = fit(pl.concat([people, robots]), population, quick)
    assert mixed.facts["accounts_left_out_of_calibration"] == 5
    assert mixed.calibration.shape == (60,)
    assert assess(mixed, robots).p_value == pytest.approx(np.full(5, 1 / 61))


def test_every_account_weighs_one_however_many_streams_it_has(model, people):
    totals = {
        record.name: tail.total
        for record, tail in zip(SCORED, model.reference.tails["interactive"], strict=True)
        if record.prevalence
    }
    assert totals
    interactive = people.filter(pl.col("cohort") == "interactive")["account"].n_unique()
    assert list(totals.values()) == pytest.approx([interactive] * len(totals))


def test_a_split_account_weighs_no_more_than_a_whole_one(people, population, quick):
    first = people.filter(pl.col("stream") == people["stream"][0])
    copies = pl.concat([first.with_columns(stream=pl.col("stream") + 5000 + i) for i in range(9)])
    copies = pl.concat([first, copies]).with_columns(served=pl.lit(20).cast(people["served"].dtype))
    alone = people.filter(pl.col("account") != first["account"][0])
    once = fit(pl.concat([first, alone]), population, quick).reference
    often = fit(pl.concat([copies, alone]), population, quick).reference
    for cohort, tails in once.tails.items():
        for one, ten in zip(tails, often.tails[cohort], strict=True):
            assert one.values.tolist() == ten.values.tolist()
            assert one.above == pytest.approx(ten.above)


def test_the_same_seed_gives_the_same_model_in_any_row_order(model, people, population, quick):
    again = fit(people.sample(fraction=1.0, shuffle=True, seed=3), population, quick)
    assert again.calibration.tolist() == model.calibration.tolist()
    assert assess(again, people).score.tolist() == assess(model, people).score.tolist()
    assert again.facts == model.facts


def test_the_seed_decides_the_trees_and_not_the_evidence(model, people, robots, population, quick):
    other = fit(people, population, quick, seed=1)
    assert assess(other, people).score.tolist() != assess(model, people).score.tolist()
    assert assess(other, robots).oriented.tolist() == assess(model, robots).oriented.tolist()


def test_row_order_does_not_change_what_is_said_of_a_stream(model, people):
    told, turned = assess(model, people), assess(model, people[::-1])
    assert turned.score[::-1].tolist() == told.score.tolist()
    assert turned.p_value[::-1].tolist() == told.p_value.tolist()


def test_an_unseen_cohort_and_unknown_features_are_assessed(model, people):
    blank = people.with_columns(pl.lit(None, pl.Float64).alias(record.name) for record in SCORED)
    told = assess(model, blank.with_columns(cohort=pl.lit("brand new")))
    assert np.isfinite(told.score).all()
    assert not told.grounds.counting.any()


def test_too_few_accounts_are_refused(people, population, quick):
    few = people.filter(pl.col("account") < 9)
    with pytest.raises(TrainingError, match=r"only 9 accounts .* at least 10 are needed; give") as caught:
        fit(few, population, quick)
    assert "\n" not in str(caught.value)
    folds = replace(quick, model=replace(quick.model, folds=3))
    assert fit(few, population, folds).calibration.shape == (9,)
