"""Whole runs: logs in, a model or verdicts out."""
