"""A run as one HTML page: its data, its pictures, and the file."""
