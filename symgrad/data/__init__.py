"""The data that the demo trains on: 1,797 handwritten digits, bundled with the package.

Source, licence and the reason for the split stand in the README.md beside this file.
"""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLASSES", "IMAGE_SHAPE", "Digits", "load_digits"]

IMAGE_SHAPE = (8, 8)
CLASSES = 10

_TRAINING_ROWS = 1437
_LARGEST_PIXEL = 16


class Digits(NamedTuple):
    """Images of handwritten digits, one per row, and what they show.

    Images are float32 in [0, 1] with shape (N, 64), the 8×8 pixels row by row; labels are
    int64 in 0…9 with shape (N,). N is 1,437 for training and 360 for testing.
    """

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def load_digits() -> Digits:
    """The 8×8 digits of E. Alpaydin and C. Kaynak (1998), always split in the same way.

    The split is a stored random permutation, so both parts hold digits by every writer.
    """
    path = files(__package__).joinpath("digits.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        order = stored["order"]
        images = stored["images"][order].astype(np.float32) / np.float32(_LARGEST_PIXEL)
        labels = stored["labels"][order].astype(np.int64)
    train, test = slice(None, _TRAINING_ROWS), slice(_TRAINING_ROWS, None)
    return Digits(images[train], labels[train], images[test], labels[test])
