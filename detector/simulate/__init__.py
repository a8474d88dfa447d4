"""Labelled traffic: people, headless jobs and harnesses, as a native request log."""

from detector.simulate.classes import CLASSES, DEFAULT_MIXTURE, LABELS, TrafficClass
from detector.simulate.fleet import Fleet, FleetOptions, simulate

__all__ = ["CLASSES", "DEFAULT_MIXTURE", "LABELS", "Fleet", "FleetOptions", "TrafficClass", "simulate"]
