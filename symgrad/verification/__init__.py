"""Verification of hand derivations: right, or where it goes wrong and why.

Begin with `verify` (one claim) and `steps` (work of several lines).
"""
