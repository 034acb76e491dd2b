"""Every operation that a random network may use, one row each; `network_row` says what a row is.

**To add an operation**, add its row to one of the tables below. A test asserts that whatever is
public has a row, and that a campaign uses each.
"""

from __future__ import annotations

from network_functions import ELEMENTWISE, LOSSES, OPERATORS, REDUCTIONS
from network_indices import INDEX
from network_layers import FACTS, LAYERS
from network_row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        *(*ELEMENTWISE, *OPERATORS, *REDUCTIONS, *LOSSES, *LAYERS),
        *(*FACTS, *INDEX),
    )
}
"""Every operation, by name."""
