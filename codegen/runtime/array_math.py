"""Elementwise functions on NumPy arrays that NumPy lacks, accurate at any argument.

Copied by source into the generated files that use them.
"""

import numpy as np


def sigmoid(t):  # type: ignore[no-untyped-def]
    """1 / (1 + e^-t): the exponential is of -|t|, which cannot overflow."""
    e = np.exp(-np.abs(t))
    return np.where(t < 0, e, 1) / (1 + e)
