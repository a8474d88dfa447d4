import re
import shlex
import subprocess
import sys

import pytest

from detector.verdict.write import RUN_FILES


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text("utf-8")


@pytest.fixture
def outside(root, tmp_path):
    """An empty folder from which the sample is seen as from the checkout."""
    (tmp_path / "datasets").symlink_to(root / "datasets")
    return tmp_path


def commands(readme):
    """The two command lines of the README."""
    return [line for line in readme.splitlines() if line.startswith("python3 -m venv ")]


def test_two_commands_do_everything_from_a_bare_python(readme):
    start = "python3 -m venv .venv && .venv/bin/pip install "
    assert commands(readme) == [
        f"{start}. && .venv/bin/detector score datasets/sample --output verdicts",
        f"{start}'.[dev]' && .venv/bin/pytest",
    ]


def test_first_command_prints_what_the_readme_shows(readme, installed, outside):
    words = shlex.split(commands(readme)[0].rpartition("&& ")[2])
    assert words[0] == ".venv/bin/detector"
    ended = subprocess.run([installed, *words[1:]], cwd=outside, capture_output=True, text=True, check=True)
    shown = re.search(
        r"<!-- begin output: docs/build.py -->\n```text\n(.*?)```\n<!-- end output -->", readme, re.DOTALL
    )
    assert ended.stdout == shown[1]
    assert ended.stderr == ""
    assert {path.name for path in (outside / "verdicts").iterdir()} == set(RUN_FILES)


def test_python_of_the_readme_runs(readme, outside):
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len([line for line in block.splitlines() if line and not line.startswith("import ")]) <= 10
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", block], cwd=outside, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "average precision" in ended.stdout


def test_every_link_leads_to_a_file(readme, root):
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert "docs/activity.svg" in links
    assert [link for link in links if not (root / link).is_file()] == []


def test_ci_runs_the_readmes_test_command(root):
    script = (root / ".ci" / "run").read_text("utf-8")
    assert 'grep -m 1 -E "^python3 -m venv .*pytest$" README.md' in script
