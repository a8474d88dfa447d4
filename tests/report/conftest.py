import dataclasses

import pytest

from detector.engine.local import score
from detector.report.case import Case, HeaderLine, Related
from detector.report.casefile import cases, explain
from detector.simulate import FleetOptions, simulate


@pytest.fixture(scope="session")
def folder(sample_run):
    """The verdict folder of the sample."""
    return sample_run[0]


@pytest.fixture(scope="session")
def accounts(sample_run):
    """Its accounts."""
    return sample_run[1].accounts


@pytest.fixture(scope="session")
def found(folder):
    """Cases of all flagged and watched accounts."""
    return list(cases(folder))


@pytest.fixture(scope="session")
def riding(root, tmp_path_factory):
    """Case of an account of which a part rides, and that would be clear without it."""
    folder = tmp_path_factory.mktemp("riding")
    mixture = {"interactive": 0.7, "riding": 0.3}
    fleet = simulate(FleetOptions(accounts=40, days=5, seed=1, activity=0.4, mixture=mixture))
    fleet.requests.write_parquet(folder / "log.parquet")
    score(folder / "log.parquet", folder / "verdicts", root / "models" / "default")
    opened = [case for case in cases(folder / "verdicts") if case.verdict == "harness"]
    return max(opened, key=lambda case: min(case.flagged_sessions, case.sessions - case.flagged_sessions))


@pytest.fixture(scope="session")
def of(folder, accounts):
    """Open a case of a verdict."""
    return lambda verdict: explain(folder, accounts.filter(verdict=verdict)["account_id"][0])


@pytest.fixture
def copy(folder, tmp_path):
    """A verdict folder to harm."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def _filled(value, text, *, kept=()):
    """Put a text wherever a record holds any text, in lists and records inside it too."""
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(_filled(one, text) for one in value)
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.name not in kept]
        return dataclasses.replace(value, **{name: _filled(getattr(value, name), text) for name in fields})
    return value


@pytest.fixture(scope="session")
def hostile(riding):
    """Make a case in which every text is a given one; verdicts and units stay what the code reads."""

    # Nobody shares anything in the sample, nor do its headers look like another client's.
    alike = dataclasses.replace(
        riding,
        headers=(
            HeaderLine("cli", "1.2", 90, 80, ("Host", "Accept"), ("Host",), "httpx", "tool"),
            HeaderLine("cli", "1.2", 70, 60, ("Host", "Accept"), None, "httpx", "tool"),
            *riding.headers,
        ),
        related=(Related("address", 7, 3, ("a1", "a2", "a3", "a4", "a5")), Related("tools", 1, 1, ("b",))),
    )

    def make(text) -> Case:
        case = _filled(alike, text, kept=("verdict", "clearing", "reasons", "against", "evidence"))
        kept = {
            name: tuple(
                dataclasses.replace(one, **dict.fromkeys(fields, text)) for one in getattr(riding, name)
            )
            for name, fields in (
                ("clearing", ("what",)),
                ("reasons", ("feature", "family", "text")),
                ("against", ("feature", "family", "text")),
            )
        }
        evidence = tuple(
            dataclasses.replace(one, family=text, lines=(text,) * len(one.lines)) for one in riding.evidence
        )
        return dataclasses.replace(case, **kept, evidence=evidence)

    return make
