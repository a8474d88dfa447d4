from benchmarks.forests import compare


def test_both_forests_score_alike():
    found = compare(rows=500, runs=2)
    assert found.rows == 500
    assert found.difference < 1e-12
    assert min(found.ours, found.theirs, found.ours_wall, found.theirs_wall) > 0
