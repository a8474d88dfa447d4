"""Decisions into pages for people: case files and summaries."""
