"""What can go wrong, as one small tree.

::

    DetectorError           anything this package raises on purpose
    ├── InputError          a log, a verdict folder or a label file cannot be used
    ├── BundleError         a model bundle is missing, damaged or of another version
    ├── SettingsError       a settings or policy file says something impossible
    └── TrainingError       the log holds nothing that a model could be fitted to

Every message is one line that says what happened, where, and what to do next.
"""

__all__ = ["BundleError", "DetectorError", "InputError", "SettingsError", "TrainingError", "refusal"]


class DetectorError(Exception):
    """Base of every error this package raises on purpose; the CLI exits 1 on it."""


class InputError(DetectorError):
    """A log, a verdict folder or a label file cannot be used."""


class BundleError(DetectorError):
    """A model bundle is missing, damaged or of another schema version."""


class SettingsError(DetectorError):
    """A settings or policy file says something impossible."""


class TrainingError(DetectorError):
    """The log holds nothing that a model could be fitted to."""


def refusal(where: object, what: str, advice: str) -> InputError:
    """Return an error of one line: where, what happened, what to do next."""
    return InputError(" ".join(f"{where}: {what}; {advice}".split()))
