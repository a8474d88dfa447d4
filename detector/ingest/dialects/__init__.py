"""Log dialects: how the fields of other log formats feed the native columns, as data.

The maps of the formats are the TOML files in ``maps/``.
"""

from detector.ingest.dialects.catalogue import DIALECTS, load_dialect, recognise
from detector.ingest.dialects.dialect import Dialect

__all__ = ["DIALECTS", "Dialect", "load_dialect", "recognise"]
