"""The two-layer classifier on which claims are tried, as a text model."""

from __future__ import annotations

TWO_LAYERS = """
x: vector(D); y: simplex(C)
W1: matrix(H, D); b1: vector(H)
W2: matrix(C, H); b2: vector(C)
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = cross_entropy(p, y)
"""
