from detector.verdict.clearing import LONGEST_NAME, _said


def part(sessions=38, client="claude-cli", from_hour=None, to_hour=None):
    return {"sessions": sessions, "client": client, "from_hour": from_hour, "to_hour": to_hour}


def test_the_sessions_of_a_stream_are_named_by_client_number_and_hours():
    assert _said([part()]) == "the 38 sessions of claude-cli are attested as permitted use"
    assert _said([part(1)]) == "the one session of claude-cli is attested as permitted use"
    assert _said([part(1200, from_hour=22, to_hour=6)]) == (
        "the 1,200 sessions of claude-cli, most requests from 22:00 to 06:00 UTC, "
        "are attested as permitted use"
    )
    assert _said([part(), part(1, None)]) == (
        "the 38 sessions of claude-cli and the one session of no named client are attested as permitted use"
    )


def test_client_names_are_shown_without_effect_and_cut():
    hostile = "\x1b[31m\u202e|<script>" + "x" * 100
    said = _said([part(client=hostile)])
    assert all(" " <= letter <= "~" for letter in said)
    assert f"{hostile[5:8]}" not in said
    assert "x" * (LONGEST_NAME + 1) not in said
