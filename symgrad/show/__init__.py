"""What a reader sees: derivations, their lines, and the notations that show them.

Why it exists: a derivation is made once and shown in many ways. What is true is decided before
this package (`symgrad.reverse`, `symgrad.simplify`); here it is put into words and signs.
"""
