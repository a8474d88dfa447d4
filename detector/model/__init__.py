"""Evidence into scores: reference population, isolation forest, calibration, bundles."""
