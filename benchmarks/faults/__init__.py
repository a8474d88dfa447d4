"""Faults while a store is written: nobody may lose a row, or see half of a commit."""
