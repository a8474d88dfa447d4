"""Request logs, from files of several shapes to one sorted frame."""

from detector.ingest.read import InputFile, RequestLog, read_log

__all__ = ["InputFile", "RequestLog", "read_log"]
