"""Profiles of clients and tools recorded later, one file of distinct request shapes.

A shape is a record with ``key`` (which client), ``kind`` (``inference``, ``telemetry`` ...), how often
it was seen (``count``), header names in wire order and a few values. Profiles are named
``tool:<key>``; the first-party release is ``release``, ``release:telemetry`` and ``release:probe``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.compose.headers import Wire, on_subscription

__all__ = ["RELEASE", "RELEASED", "recorded"]

RELEASED = "cc-interactive"
"""The record key of the first-party release."""

RELEASE = "release"


def recorded(captures: Path) -> dict[str, list[Wire]]:
    """Read the shapes into profiles; a shape seen n times is n of the profile's variants."""
    with captures.open(encoding="utf-8") as lines:
        shapes = [json.loads(line) for line in lines]
    keys = dict.fromkeys(shape["key"] for shape in shapes if shape["kind"] == "inference")
    profiles = {f"tool:{key}": _wires(shapes, key, "inference") for key in keys}
    profiles[RELEASE] = _wires(shapes, RELEASED, "inference")
    profiles[f"{RELEASE}:telemetry"] = _wires(shapes, RELEASED, "telemetry")
    probes = [shape for shape in shapes if shape["method"] == "HEAD"]
    profiles[f"{RELEASE}:probe"] = _wires(probes, RELEASED, "other")
    return profiles


def _wires(shapes: Sequence[Mapping[str, Any]], key: str, kind: str) -> list[Wire]:
    chosen = [shape for shape in shapes if shape["key"] == key and shape["kind"] == kind]
    return [wire for shape in chosen for wire in [_wire(shape)] * int(shape["count"])]


def _wire(shape: Mapping[str, Any]) -> Wire:
    """Give one shape as a request on a plan's token, values under the names as they were spelled."""
    values = {"user-agent": shape["user_agent"], "accept-encoding": shape["accept_encoding"]}
    values |= {"x-app": shape["x_app"], **shape["x_stainless"]}
    spelling = {name.lower(): name for name in shape["header_names"]}
    wire = Wire(
        shape["user_agent"],
        tuple(shape["header_names"]),
        {spelling[name]: value for name, value in values.items() if value and name in spelling},
        shape["path"],
        shape["http_version"],
        tuple(shape["ja4"]) or (None,),
    )
    return on_subscription(wire) if shape["auth"] == "x-api-key" else wire
