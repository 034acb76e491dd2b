"""Batches: arrays in memory, files larger than what is read at once, and what yields batches."""

import tracemalloc

import numpy as np
import pytest

from symgrad.codegen.runtime import checks
from symgrad.codegen.runtime.batches import _Arrays, _Masks
from symgrad.codegen.runtime.training import fit, init

OPTIONS = {"epochs": 3, "batch_size": 7, "learning_rate": 0.1, "seed": 4}


def equal(a, b):
    """Two results of fit are the same, bit by bit."""
    pairs = zip((*a[0], *a[1][:-1]), (*b[0], *b[1][:-1]), strict=True)
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


@pytest.mark.parametrize(
    "spelling",
    [
        lambda X: X.tolist(),
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X.astype(">f8"),
        lambda X: np.broadcast_to(X, (1, *X.shape))[0],
    ],
    ids=["lists", "fortran", "strided", "big-endian", "read-only"],
)
def test_any_spelling_of_the_data_is_the_same_run(blobs, spelling):
    X, Y = blobs
    assert equal(fit(spelling(X), spelling(Y), **OPTIONS), fit(X, Y, **OPTIONS))


def saved(folder, *arrays):
    """The arrays as memory-mapped files."""
    paths = [folder / f"{k}.npy" for k in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return [np.load(path, mmap_mode="r") for path in paths]


@pytest.mark.parametrize("limit", [1, 100, 1000, 10_000])
def test_files_are_read_in_pieces_and_nothing_changes(blobs, tmp_path, monkeypatch, limit):
    from symgrad.codegen.runtime import batches

    X, Y = blobs
    whole = fit(X, Y, validation=(X, Y), **OPTIONS)
    for module in (checks, batches):
        monkeypatch.setattr(module, "BLOCK_BYTES", limit)
    files = saved(tmp_path, X, Y)
    params, history = fit(*files, validation=files, **OPTIONS)
    assert equal((params, history[:1] + history[-1:]), (whole[0], whole[1][:1] + whole[1][-1:]))
    np.testing.assert_allclose(history.validation_loss, whole[1].validation_loss, rtol=1e-6)
    for part in (files[0][:40], np.asarray(files[0])[:40]):  # views of a file are files
        assert checks._stays(part) == (part.nbytes > limit)


def test_a_file_is_not_copied(labelled, tmp_path, monkeypatch):
    """What is in memory at once stays far below the file's 32 MB."""
    monkeypatch.setattr(labelled, "BLOCK_BYTES", 1 << 20)
    files = saved(tmp_path, np.ones((4000, 2000), np.float32), np.arange(4000) % 3)
    options = {"epochs": 1, "batch_size": 50, "learning_rate": 1e-3, "C": 3, "H": 2}
    tracemalloc.start()
    try:
        labelled.fit(*files, validation=files, checkpoint=tmp_path / "run", **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_wrong_values_in_a_file_are_named_with_their_row(blobs, tmp_path, monkeypatch):
    X, Y = blobs[0].copy(), blobs[1]
    X[47, 1] = np.nan
    monkeypatch.setattr(checks, "BLOCK_BYTES", 100)
    with pytest.raises(ValueError, match=r"^X has nan in row 47; expected finite numbers"):
        fit(*saved(tmp_path, X, Y), **OPTIONS)


def listed(X, Y, sizes=(7, 7, 11, 1)):
    ends = np.cumsum(sizes)
    return [(X[e - s : e], Y[e - s : e]) for e, s in zip(ends.tolist(), sizes, strict=True)]


class Loader:
    """Something that can be iterated again and again, and does not know its length."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_batches_are_steps_in_their_order(blobs):
    X, Y = (array.astype(np.float32) for array in blobs)
    batches, rate = listed(X, Y), np.float32(0.1)
    W, b = init(4, C=3, D=4)
    losses = []
    for _ in range(3):
        total = 0.0
        for x, y in batches:
            value, gradient = checks.value_and_grad((W, b), x, y)
            W, b, total = W - rate * gradient.W, b - rate * gradient.b, total + len(x) * value
        losses.append(total / 26)
    options = {"epochs": 3, "learning_rate": 0.1, "seed": 4}
    given = [batches, Loader(batches), lambda: iter(batches), lambda epoch: (x for x in batches)]
    for data in given:
        params, history = fit(data, **options)
        np.testing.assert_allclose(params.W, W, rtol=1e-5)
        np.testing.assert_allclose(history.loss, losses, rtol=1e-6)
        assert equal((params, history), fit(batches, **options))
    once = fit(iter(batches), **options | {"epochs": 1})
    assert equal(once, fit(batches, **options | {"epochs": 1}))


def test_a_function_may_be_told_the_epoch(blobs):
    told = []

    def batches(epoch):
        told.append(epoch)
        return listed(*blobs)

    fit(batches, epochs=3, learning_rate=0.1)
    assert told == [0, 0, 1, 2]  # the first to see the sizes
    fit(lambda shuffle=False: [] if shuffle else listed(*blobs), epochs=3, learning_rate=0.1)


def test_large_batches_are_cut(blobs):
    X, Y = blobs
    cut = fit(listed(X, Y, (20, 10)), epochs=2, batch_size=6, learning_rate=0.1)
    by_hand = listed(X, Y, (6, 6, 6, 2, 6, 4))
    assert equal(cut, fit(by_hand, epochs=2, learning_rate=0.1))


def test_a_run_of_batches_resumes_in_the_middle(blobs, tmp_path, monkeypatch):
    batches = listed(*blobs, (20, 10, 13))
    options = {"epochs": 4, "batch_size": 6, "learning_rate": 0.1, "validation": blobs}
    whole = fit(batches, **options)
    for stop in (1, 2, 6, 10):
        path, calls = tmp_path / f"run{stop}", []

        def broken(epoch, stop=stop, calls=calls):
            for batch in batches:
                calls.append(None)
                if len(calls) > stop:
                    raise OSError("the network is down")
                yield batch

        with pytest.raises(OSError, match="network is down"):
            fit(broken, checkpoint=path, checkpoint_seconds=0, **options)
        assert equal(fit(batches, checkpoint=path, **options), whole)


WRONG = {
    "no batches": ([], "The data hold no batches; expected at least one."),
    "an array": ([np.ones((2, 4))], "Batch 1 is of type ndarray; expected a tuple of arrays: X, Y"),
    "one array": ([(np.ones((2, 4)),)], "1 data arrays given; expected 2: batch 1: X, batch 1: Y."),
    "width": (
        [(np.ones((1, 4)), [[1, 0]]), (np.ones((1, 3)), [[1, 0]])],
        "batch 2: X has shape (1, 3); expected (N, D) with D = 4",
    ),
    "nan": ([(np.full((1, 4), np.nan), [[1, 0]])], "batch 1: X has nan in row 0; expected"),
    "no rows": ([(np.ones((0, 4)), np.ones((0, 2)))], "batch 1: X has shape (0, 4); expected"),
    "an iterator": (iter([1]), "The data are an iterator, which can be used once, but epochs is 3"),
    "text": ("X.npy", "1 data arrays given; expected 2: X, Y."),
}


@pytest.mark.parametrize(("data", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_batches_are_refused(data, sentence):
    with pytest.raises(ValueError) as caught:
        fit(data, epochs=3, learning_rate=0.1)
    assert str(caught.value).startswith(sentence)


def test_batches_that_end_are_said_so(blobs):
    left = [listed(*blobs), listed(*blobs)]
    with pytest.raises(ValueError, match="The data hold no batches in epoch 2; expected some"):
        fit(lambda: left.pop() if left else [], epochs=3, learning_rate=0.1)


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    source = _Arrays((np.zeros((23, 1)),), 4, 6)
    for epoch in (0, 5):
        expected = np.random.default_rng([6, epoch]).permutation(23)
        for position in (0, 2, 6):
            for steps in (1, 2, 100):
                chunks = list(source.chunks(epoch, position, lambda steps=steps: steps))
                order = np.concatenate([np.empty(0), *(chunk.order for chunk in chunks)])
                assert np.array_equal(order, expected[4 * position :])
                assert all(len(chunk.rows) <= steps for chunk in chunks)
                assert sum(chunk.rows.sum() for chunk in chunks) == len(order)


def test_masks_are_drawn_by_position(monkeypatch):
    from symgrad.codegen.runtime import batches
    from symgrad.codegen.runtime.records import MaskSpec

    masks = (MaskSpec("m", ("D",), 0.5), MaskSpec("n", (), 0.25), MaskSpec("o", (3,), 0.0))
    monkeypatch.setattr(batches, "MASKS", masks)
    whole = _Masks(3, 1, {"D": 5}, 0).draw(4001)
    assert [mask.shape for mask in whole] == [(4001, 5), (4001,), (4001, 3)]
    assert [mask.dtype for mask in whole] == [np.float32] * 3
    assert set(np.unique(whole[0])) == {0, 1} and whole[2].all()
    assert [mask.mean() for mask in whole[:2]] == pytest.approx([0.5, 0.75], abs=0.03)
    for first in (0, 1, 2, 1000, 1001):
        drawn = _Masks(3, 1, {"D": 5}, first)
        parts = [drawn.draw(n) for n in (1, 2, 7, 0, 4001 - first - 10)]
        for k, mask in enumerate(whole):
            joined = np.concatenate([part[k] for part in parts])
            assert np.array_equal(joined, mask[first:])
    assert not np.array_equal(whole[0], _Masks(3, 2, {"D": 5}, 0).draw(4001)[0])
    assert not np.array_equal(whole[0], _Masks(4, 1, {"D": 5}, 0).draw(4001)[0])
