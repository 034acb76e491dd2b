"""The bundled digits arrive whole, scaled and always split in the same way."""

import numpy as np

from symgrad.data import CLASSES, load_digits


def test_split_is_fixed_and_complete() -> None:
    digits = load_digits()
    assert digits.train_images.shape == (1437, 64)
    assert digits.test_images.shape == (360, 64)
    assert digits.train_images.dtype == digits.test_images.dtype == np.float32
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    assert digits.test_labels[:8].tolist() == [7, 9, 4, 7, 0, 2, 6, 1]
    counts = np.bincount(digits.test_labels, minlength=CLASSES)
    assert counts.tolist() == [31, 35, 39, 33, 44, 29, 40, 40, 28, 41]


def test_pixels_lie_in_the_unit_interval_in_sixteenths() -> None:
    digits = load_digits()
    pixels = np.concatenate([digits.train_images, digits.test_images]) * 16
    assert pixels.min() == 0
    assert pixels.max() == 16
    np.testing.assert_array_equal(pixels, np.round(pixels))


def test_no_test_image_is_a_training_image() -> None:
    digits = load_digits()
    train = {row.tobytes() for row in digits.train_images}
    assert not any(row.tobytes() in train for row in digits.test_images)
