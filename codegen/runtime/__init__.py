"""Real, tested Python that is copied by source into generated modules."""
