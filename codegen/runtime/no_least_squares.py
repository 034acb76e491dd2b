"""Least squares: this loss is no sum of squares, so there are no optimizers for one."""

from __future__ import annotations

from .iterations import FullBatch

LEAST_SQUARES: dict[str, FullBatch] = {}
