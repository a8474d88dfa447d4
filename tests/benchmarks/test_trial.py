import polars as pl

import detector
from benchmarks import trial
from benchmarks.quality import main


def test_a_trial_is_what_train_and_score_do(sample, tmp_path):
    detector.train(sample, tmp_path / "model", seed=3)
    run = detector.score(sample, model=tmp_path / "model")
    model = trial.learn(trial.measure(sample), 3)
    found = trial.run(model, trial.measure(sample, model))
    assert found.accounts.equals(run.accounts)
    assert found.sessions.equals(run.sessions)
    known = trial.evidence(found)
    assert known["account_id"].is_unique().all()
    assert known.drop("account_id").select(pl.all().cast(pl.Float64)).width > 60


def test_the_command_runs_on_a_tiny_fleet(capsys, tmp_path):
    arguments = ["--quick", "--sources", "simulated", "--json", str(tmp_path / "figures.json")]
    main(arguments)
    text = capsys.readouterr().out
    assert "### simulated\n" in text
    for name in ("detector", "bundled model", "ECOD", "supervised bound"):
        assert f"| {name} |" in text
    assert (tmp_path / "figures.json").stat().st_size > 1000
