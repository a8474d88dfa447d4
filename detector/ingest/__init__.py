"""Request logs, from files of several shapes to parts of whole accounts."""

from detector.ingest.log import Log, log_state, open_log
from detector.ingest.parts import Part, read_part
from detector.ingest.read import RequestLog, read_log
from detector.ingest.shards import InputFile

__all__ = ["InputFile", "Log", "Part", "RequestLog", "log_state", "open_log", "read_log", "read_part"]
