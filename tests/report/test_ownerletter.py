import dataclasses
import json

import pytest

from detector.features.registry import FEATURES
from detector.report.case import Related
from detector.report.casehtml import document_html
from detector.report.casemarkdown import document_markdown
from detector.report.casetext import document_text
from detector.report.document import Hours, Items
from detector.report.ownerletter import ANSWERS, NOTHING, owner_letter
from detector.schema import FAMILIES, VERDICTS


def forms(case):
    page = owner_letter(case)
    return [
        document_text(page),
        document_markdown(page),
        document_html(page).partition("<body>")[2],
        json.dumps(page.to_dict()),
    ]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_letter(verdict, of):
    case = of(verdict)
    page = owner_letter(case)
    assert page.answer == ANSWERS.get(verdict, NOTHING)
    assert (verdict in ANSWERS) is case.flagged
    text = document_text(page)
    assert case.account_id in text
    assert case.rule in text
    assert case.run in text
    assert ("your answer" in text) is case.flagged


def test_nothing_of_what_gave_it_away_is_in_any_form(found):
    """No feature, family, reason, header name, threshold, score or cohort."""
    for case in found:
        secrets = [record.name for record in FEATURES]
        secrets += [one.text for one in (*case.reasons, *case.against) if one.feature != "client"]
        secrets += [name for one in case.headers for name in one.seen if len(name) > 6]
        secrets += [one.what for one in case.clearing if not one.sessions]
        secrets += [f"{one:.3g}" for one in (case.score, case.p_value, case.q_value) if one and one < 1]
        secrets += [
            case.model,
            case.policy,
            "comparable",
            "normally",
            "p-value",
            "score",
            "telemetry",
            "header",
        ]
        secrets += [version.client_version for version in case.clients if version.client_version]
        secrets += [line.session for line in case.timeline if line.session]
        secrets += [family for family in FAMILIES if family != "account"]
        for form in forms(case):
            leaked = [secret for secret in secrets if secret in form]
            assert leaked == [], case.account_id


def test_other_accounts_and_what_headers_look_like_are_the_owners_business_in_no_form(riding):
    alike = dataclasses.replace(
        riding,
        headers=tuple(
            dataclasses.replace(one, library="httpx", resembles="litellm") for one in riding.headers
        ),
        related=(Related("address", 1_234, 567, ("stranger-1", "stranger-2")),),
    )
    assert forms(alike) == forms(riding)
    assert not any("stranger" in form or "other account" in form.lower() for form in forms(alike))


def test_a_watched_or_clear_account_learns_nothing_but_that(of):
    for verdict in ("watch", "clear", "insufficient_data", "out_of_scope"):
        page = owner_letter(of(verdict))
        assert [one.title for one in page.sections] == ["your account", "the rule", "reference"]


def test_it_says_when_and_what_would_settle_it(riding):
    assert any(one.sessions and one.verdict == "clear" for one in riding.clearing)
    page = owner_letter(riding)
    blocks = [block for one in page.sections for block in one.blocks]
    (hours,) = [block for block in blocks if isinstance(block, Hours)]
    assert sum(count for count, _ in hours.counts.values()) == sum(
        h.flagged_requests for h in riding.activity
    )
    (items,) = [block for block in blocks if isinstance(block, Items)]
    settled = {"clear", "insufficient_data", "out_of_scope"}
    told = [one.what for one in riding.clearing if one.sessions and one.verdict in settled]
    assert [row[0] for row in items.rows] == [f"if {what}" for what in told] != []


def test_only_the_last_sessions_are_listed_and_the_number_is_said(riding):
    line = next(line for line in riding.timeline if line.flagged)
    text = document_text(owner_letter(dataclasses.replace(riding, timeline=(line,) * 95)))
    assert "when: sessions in question (the last 40 of 95)" in text
