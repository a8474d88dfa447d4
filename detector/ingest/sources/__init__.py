"""Where logs lie and in which file format: everything opens the same way, as a ``LogFile``."""
