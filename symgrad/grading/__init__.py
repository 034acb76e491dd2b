"""Grading: a folder of hand derivations against a key, each in a process of its own."""
