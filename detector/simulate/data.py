"""The figures that this package simulates from, as TOML files beside this module."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["load"]


@cache
def load(name: str) -> dict[str, Any]:
    """Read a data file of this package.

    >>> sorted(load("networks.toml"))
    ['company', 'countries', 'hosting']
    """
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
