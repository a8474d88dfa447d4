import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from benchmarks import cells
from benchmarks.celltables import overall, report, upper_bound
from benchmarks.compose.cast import Sizes, compose_cells, scored_cells, training_cells
from benchmarks.compose.headers import CURRENT, Catalogue, Wire
from benchmarks.compose.honest import HONEST
from benchmarks.compose.launches import LAUNCHES, PRODUCT
from benchmarks.compose.operators import OPERATED
from benchmarks.compose.people import DAY, HOUR, World, person
from benchmarks.compose.proxies import REWRITES, behind_proxy
from benchmarks.compose.recorded import recorded
from benchmarks.compose.sources import Library
from benchmarks.compose.states import STATES, in_state
from benchmarks.compose.stretches import drip, office, pushes, scheduled
from benchmarks.compose.tools import TOOLS, VARIANTS, declared_unlisted, tool_users
from benchmarks.compose.unseen import unseen

OWN = ("Accept", "Authorization", "User-Agent", "X-Claude-Code-Session-Id", "x-app", "Host")
EVERY = (*(f"copied:{name}" for name in ("aiohttp", "axios", "go", "go_h2", "httpx", "node_fetch")),)


def library(people=12, automated=10, requests=90):
    """Sessions of one request a minute, a human turn every tenth."""
    count = people + automated
    at = np.arange(requests) * 60.0
    rows = pl.DataFrame(
        {
            "key": np.repeat(np.arange(count, dtype=np.uint32), requests),
            "at": np.tile(at, count),
            "end": np.tile(at + 5, count),
            "human": np.tile(np.arange(requests) % 10 == 0, count),
            "context": np.full(count * requests, 20_000),
            "previous": np.full(count * requests, 19_000),
            "warm": np.full(count * requests, fill_value=True),
            "output": np.full(count * requests, 100),
            "final": np.tile(np.arange(requests) % 10 == 9, count),
        }
    )
    keys = np.arange(count)
    return Library(rows, keys[:people], keys[people:], np.full(count, at[-1] + 5))


def catalogue():
    """One wire for every profile that a plan may ask for."""
    own = Wire(f"claude-cli/{CURRENT} (external, cli)", OWN, {"User-Agent": "x"})
    stacks = {stack.profile for stack in TOOLS} | {"copied:requests", "copied:python_sdk", *EVERY}
    plain = ("interactive", "print", "agent_sdk", "release", "release:telemetry", "release:probe")
    names = (*plain, "telemetry", "probe", *sorted(stacks))
    return Catalogue({name: [own] for name in names})


@pytest.fixture
def world():
    return World(library(), catalogue(), np.random.default_rng(3))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", [*HONEST, *LAUNCHES])
def test_honest_accounts_send_what_their_state_lets_through(world, name, state):
    sessions = (HONEST | LAUNCHES)[name](world, [f"a{i}" for i in range(4)], state)
    assert {session.account_id for session in sessions} == {f"a{i}" for i in range(4)}
    assert {session.label for session in sessions} == {"genuine"}
    assert {session.telemetry for session in sessions} == {"real" if state == "on" else "none"}
    if state != "on":
        assert {session.probe for session in sessions} == {None}
    if state == "off":
        assert not any(session.helper for session in sessions)
    elif name not in {"headless", "ci_action"}:
        assert any(session.helper for session in sessions)


@pytest.mark.parametrize("name", OPERATED)
def test_harness_accounts_are_guilty_somewhere(world, name):
    sessions = OPERATED[name](world, [f"a{i}" for i in range(3)], "off")
    guilty = {session.account_id for session in sessions if session.label == "harness"}
    assert guilty == {"a0", "a1", "a2"}
    assert all(session.start < session.limit for session in sessions if session.label == "harness")


def test_a_state_keeps_the_probe_that_a_proxy_rewrites(world):
    account = person(world, "a")
    account.probe = "rewritten"
    assert in_state(account, "on").probe == "rewritten"
    assert in_state(account, "blocked").probe is None
    assert account.helper
    assert not in_state(account, "off").helper


def test_a_scheduler_starts_on_the_minute_of_half_of_the_nights(world):
    for _ in range(20):
        stretches = scheduled(world, 1)
        assert 1 <= len(stretches) <= 6
        starts = np.array([start for stretch in stretches for _, start, _ in stretch])
        assert ((starts % 60) < 2.6).all()
        for stretch in stretches:
            assert stretch[-1][1] - stretch[0][1] < 8 * HOUR
            assert all(limit - start <= 20 * 60 for _, start, limit in stretch)


def test_a_drip_sends_one_to_three_requests_at_a_time(world):
    placed = drip(world)
    starts = np.array([start for _, start, _ in placed])
    assert np.diff(starts).min() >= 20 * 60
    assert np.diff(starts).max() <= 60 * 60
    arrivals = np.arange(90) * 60.0
    counts = {int((arrivals < limit - start).sum()) for _, start, limit in placed[:-1]}
    assert counts == {1, 2, 3}


def test_office_hours_are_nine_hours_of_every_day(world):
    placed = office(world)
    assert len({limit for _, _, limit in placed}) == 7
    assert all(limit - 9 * HOUR <= start < limit for _, start, limit in placed)


def test_pushes_come_at_any_hour(world):
    hours = {int(start % DAY // HOUR) for _, start, _ in pushes(world)}
    assert len(hours) > 8


def test_a_light_rider_has_under_a_tenth_of_the_requests(world):
    sessions = OPERATED["light_rider"](world, ["a"], "off")
    arrivals = np.arange(90) * 60.0
    counts = {"harness": 0, "genuine": 0}
    for session in sessions:
        counts[session.label] += int((arrivals < session.limit - session.start).sum())
    assert 0 < counts["harness"] < 0.1 * sum(counts.values())


def test_a_farm_shares_tools_and_address_over_its_accounts(world):
    sessions = OPERATED["rotated_farm"](world, [f"a{i}" for i in range(10)], "off")
    assert len({session.account_id for session in sessions}) == 10
    assert len({(session.tools_hash, session.client_ip, session.profile) for session in sessions}) == 1


def test_a_traveller_is_in_one_country_at_a_time(world):
    sessions = sorted(HONEST["traveller"](world, ["a"], "on"), key=lambda session: session.start)
    countries = [session.country for session in sessions]
    moves = sum(here != there for here, there in pairwise(countries))
    assert (len(set(countries)), moves) == (3, 2)


def test_a_new_product_follows_the_client_from_the_middle_of_the_week(world):
    sessions = LAUNCHES["new_product"](world, [f"a{i}" for i in range(5)], "on")
    new = [session.start for session in sessions if session.profile.endswith(PRODUCT)]
    assert 0 < len(new) < len(sessions)
    assert min(new) > 3 * DAY


def test_silent_proxies_add_no_name():
    wire = Wire("x", OWN, {"x-app": "cli"})
    for style in ("silent_alphabetical", "silent_lower"):
        names = behind_proxy(style, "t13d")(wire).names
        assert sorted(name.lower() for name in names) == sorted(name.lower() for name in OWN)
        assert names != OWN


@pytest.mark.parametrize("style", REWRITES)
def test_a_proxy_leaves_the_names_that_the_client_chose(style):
    connection = {"connection", "host", "accept-encoding", "content-length"}
    wire = behind_proxy(style, "t13d")(Wire("x", OWN, {"x-app": "cli", "accept-encoding": "br"}))
    names = [name.lower() for name in wire.names]
    assert {name.lower() for name in OWN} - connection <= set(names)
    assert len(names) == len(set(names))
    assert (wire.names, wire.values, wire.ja4) != (OWN, {"x-app": "cli", "accept-encoding": "br"}, ("t13d",))


def test_sessions_at_tools_have_at_most_sixty_requests(world):
    sessions = tool_users(world, ["a", "b"], TOOLS[0])
    assert {session.telemetry for session in sessions} == {"none"}
    assert all(session.limit - session.start < 60 * 60 + 1 for session in sessions)


def test_variants_change_one_thing():
    wire = Wire("claude-cli/2.1.2 (external, cli)", OWN, {"User-Agent": "claude-cli/2.1.2 (external, cli)"})
    for name, change in VARIANTS.items():
        other = change(wire)
        if name == "current version":
            assert other.user_agent == f"claude-cli/{CURRENT} (external, cli)"
            assert other.names == wire.names
        elif name == "lower-cased":
            assert other.names == tuple(one.lower() for one in OWN)
        else:
            assert set(other.names) - set(OWN) == {name}


def test_every_tool_is_expected_to_be_flagged_and_some_are_kept_out():
    assert {tool.expected for tool in TOOLS} == {"harness", "declared_third_party"}
    kept = {tool.name for tool in TOOLS if tool.kept_out}
    stacks = {name for name in unseen(Wire("x", OWN, {})) if "wget" in name or "mono" in name}
    assert kept == {"crushproxy", "kilo", "claude-code/2.1.74", *stacks}


@pytest.mark.parametrize("few", [False, True])
def test_unseen_stacks_write_names_of_their_own_around_the_clients(few):
    (wire,) = unseen(Wire("x", OWN, {"Accept": "*/*"}))["unseen:wget few" if few else "unseen:wget"]
    written = (
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Content-Type",
        "Content-Length",
    )
    others = ("Authorization", "x-app") if few else ("Authorization", "X-Claude-Code-Session-Id", "x-app")
    assert wire.names == (*written, *others)
    assert wire.values == {"Accept": "*/*", "Accept-Encoding": "identity"}


def test_an_unlisted_name_has_one_to_three_accounts(world):
    sessions = declared_unlisted(world, [f"a{i}" for i in range(24)])
    by_profile = {}
    for session in sessions:
        by_profile.setdefault(session.profile.split("|")[1], set()).add(session.account_id)
    assert {len(accounts) for accounts in by_profile.values()} <= {1, 2, 3}
    assert {session.label for session in sessions} == {"declared_third_party"}


def test_the_training_week_has_few_harnesses_and_nothing_that_is_kept_out():
    sizes = Sizes()
    week = training_cells(sizes, np.random.default_rng(1))
    guilty = sum(cell.accounts for cell in week if cell.label == "harness")
    assert guilty / sum(cell.accounts for cell in week) == pytest.approx(0.05, abs=0.002)
    assert not {"new_product", "release_adopter", "crushproxy"} & {cell.name for cell in week}


def test_three_seeds_hold_every_variant_of_every_claiming_tool():
    found = {
        (cell.name, cell.state)
        for seed in range(3)
        for cell in scored_cells(Sizes(), seed)
        if cell.kind == "variant"
    }
    claiming = [tool for tool in TOOLS if tool.first_party]
    assert len(found) == len(claiming) * len(VARIANTS)


def shape(key, kind, **more):
    own = {
        "key": key,
        "kind": kind,
        "count": 1,
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "http_version": "1.1",
        "user_agent": "claude-cli/2.1.332 (external, cli)",
        "header_names": ["Accept", "User-Agent", "X-Api-Key", "anthropic-version", "Accept-Encoding"],
        "accept_encoding": "gzip",
        "x_stainless": {},
        "x_app": None,
        "auth": "bearer",
        "ja4": ["t13d"],
    }
    return own | more


def test_recorded_shapes_become_profiles(tmp_path):
    shapes = [
        shape("cc-interactive", "inference", count=2),
        shape("cc-interactive", "inference", header_names=["Accept", "x-client-request-id"]),
        shape("cc-interactive", "telemetry", path="/api/event_logging/v2/batch"),
        shape("cc-interactive", "other", method="HEAD", path="/api/hello"),
        shape("tool", "inference", auth="x-api-key", user_agent="tool/1", ja4=[]),
    ]
    file = tmp_path / "captures.jsonl"
    file.write_text("\n".join(map(json.dumps, shapes)), encoding="utf-8")
    profiles = recorded(file)
    assert [len(wire.names) for wire in profiles["release"]] == [5, 5, 2]
    assert profiles["release:telemetry"][0].path == "/api/event_logging/v2/batch"
    assert profiles["release:probe"][0].path == "/api/hello"
    (tool,) = profiles["tool:tool"]
    assert "Authorization" in tool.names
    assert "X-Api-Key" not in tool.names
    assert tool.values["Accept-Encoding"] == "gzip"
    assert tool.ja4 == (None,)


def test_weeks_of_cells_are_kept_and_judged_again(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Library, "read", lambda *_: library(requests=12))
    monkeypatch.setattr(Catalogue, "read", lambda _: catalogue())
    monkeypatch.setattr("benchmarks.compose.cast.recorded", lambda _: {})
    monkeypatch.setattr(cells.trial, "learn", lambda *_: cells.trial.bundled())
    sizes = Sizes(honest=1, people=5, harness=1, farm=2, unlisted=2, tool=1, variant=1)
    cells.write_weeks(tmp_path, tmp_path / "weeks" / "4", sizes, 4)
    labels = pl.read_parquet(tmp_path / "weeks" / "4" / cells.LABELS)
    assert labels["account_id"].is_unique().all()
    assert set(labels["kind"]) == {"honest", "harness", "tool", "variant"}
    log = pl.read_parquet(tmp_path / "weeks" / "4" / "week2" / "*.parquet")
    assert log["country"].null_count() == 0
    arguments = ["--weeks", str(tmp_path / "weeks"), "--first-seed", "4", "--seeds", "1"]
    cells.main([*arguments, "--json", str(tmp_path / "accounts.json")])
    text = capsys.readouterr().out
    assert "### Overall" in text
    assert "| official_scheduler | blocked | 1 |" in text
    rows = json.loads((tmp_path / "accounts.json").read_text("utf-8"))
    assert len(rows) == 2 * labels.height
    assert {"class", "state", "verdict", "score", "families", "reasons"} <= set(rows[0])


def test_same_seed_gives_the_same_week(monkeypatch, tmp_path):
    monkeypatch.setattr(Library, "read", lambda *_: library(requests=10))
    monkeypatch.setattr(Catalogue, "read", lambda _: catalogue())
    monkeypatch.setattr("benchmarks.compose.cast.recorded", lambda _: {})
    sizes = Sizes(honest=1, people=2, harness=1, farm=2, unlisted=2, tool=1, variant=1)
    weeks = [
        compose_cells(tmp_path, ((), ()), scored_cells(sizes, 0), cells.MONDAY, seed=5) for _ in range(2)
    ]
    assert weeks[0][0].equals(weeks[1][0])
    assert weeks[0][1].equals(weeks[1][1])


def verdicts():
    rows = [
        ("a1", "honest", "interactive", "on", "genuine", False, "clear", False, 0.1),
        ("a2", "honest", "interactive", "off", "genuine", False, "watch", False, 0.6),
        ("a3", "harness", "imitation", "", "harness", False, "harness", True, 0.9),
        ("a4", "harness", "slow_drip", "", "harness", False, "watch", False, 0.5),
        ("a5", "tool", "kilo", "", "declared_third_party", True, "declared_third_party", True, 0.2),
        ("a6", "variant", "ccr", "via", "harness", False, "clear", False, 0.05),
    ]
    names = ("account_id", "kind", "class", "state", "label", "kept_out", "verdict", "flagged", "score")
    table = pl.DataFrame(rows, schema=names, orient="row").with_columns(seed=pl.lit(1))
    return pl.concat([table.with_columns(model=pl.lit(model)) for model in ("trained", "bundled")])


def test_tables_count_verdicts():
    text = report(verdicts())
    bound = f"{upper_bound(0, 1):.1%}"
    assert f"| interactive | off | 1 | 0 | {bound} | 1 | 100.0% |" in text
    assert "| imitation | 1 | 1 | 1 | 0 | 0 |  |" in text
    assert "| kilo | 1 | 1 | 1 | 0 | 0 | declared_third_party 1 |" in text
    assert "| ccr | 0 of 1 |" in text


def test_overall_figures_of_one_model():
    plain = verdicts().filter(pl.col("model") == "trained", pl.col("kind") != "variant")
    values = overall(plain)
    assert values["genuine"] == 2
    assert values["flagged"] == 0
    assert values["share on watch"] == 0.5
    assert values["at own flags"] == 0.5
    assert values["at flags and watch"] == 1.0


def test_the_upper_bound_is_exact():
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(3, 3) == 1.0
