"""Scores into decisions: policy, verdicts, reasons, figures against labels."""
