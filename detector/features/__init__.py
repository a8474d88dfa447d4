"""Requests into evidence: sessions, streams and their features.

``extract`` sums requests up by session, ``fingerprint`` compares headers with the
claimed client's population, ``streams`` describes the sessions of one kind on one
account, and ``registry`` says what every feature means.
"""
