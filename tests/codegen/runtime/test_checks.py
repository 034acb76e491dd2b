"""Every wrong input gets one sentence; every right one, however spelled, is accepted."""

import numpy as np
import pytest

from symgrad.codegen.runtime.checks import _as_array, loss, predict, value_and_grad
from symgrad.codegen.runtime.interface import Params

W = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 1.0]])
PARAMS = Params(W=W, b=np.zeros(3))
X = np.array([[1.0, 2.0], [3.0, 4.0]])
Y = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])


def test_values_agree_with_the_definition():
    z = X @ W.T
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    expected = -(Y * np.log(p)).sum(axis=1).mean()
    assert loss(PARAMS, X, Y) == pytest.approx(expected, rel=1e-6)
    value, gradient = value_and_grad(PARAMS, X, Y)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient.W, (p - Y).T @ X / 2, rtol=1e-5)
    np.testing.assert_allclose(predict(PARAMS, X), p, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    "spelling",
    [
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        X.tolist(),
        X.astype(int),
        X.astype(">f8"),
        X.astype(np.float16),
    ],
    ids=["fortran", "strided", "lists", "integers", "big-endian", "half"],
)
def test_any_spelling_of_real_numbers_is_accepted(spelling):
    assert loss(PARAMS, spelling, Y) == loss(PARAMS, X, Y)


def test_what_compiled_code_gets_is_of_one_type():
    locked, shifted = X.astype(np.float32), np.empty(17, np.uint8)[1:].view(np.float32)
    locked.flags.writeable = False
    shifted[:] = 1
    assert not shifted.flags.aligned
    for given in (locked, shifted, X.T, np.broadcast_to(1.0, (2, 2)), 3):
        array = _as_array("X", given)
        np.testing.assert_array_equal(array, given)
        assert array.dtype == np.float32 and array.shape == np.shape(given)
        assert array.flags.c_contiguous and array.flags.aligned and array.flags.writeable
    plain = X.astype(np.float32)
    assert _as_array("X", plain) is plain


def test_one_hot_booleans_and_plain_tuples_are_accepted():
    hot = np.eye(3)[[0, 2]]
    assert loss(PARAMS, X, hot.astype(bool)) == loss(tuple(PARAMS), X, hot)


nan = X.copy()
nan[1, 0] = np.nan
WRONG_DATA = {
    "too few": ((X,), "1 data arrays given; expected 2: X, Y."),
    "too many": ((X, Y, Y), "3 data arrays given; expected 2: X, Y."),
    "one example": ((X[0], Y[0]), "X has shape (2,); expected (N, D) with D = 2, one of"),
    "wrong width": ((X[:, :1], Y), "X has shape (2, 1); expected (N, D) with D = 2"),
    "too many axes": ((X[None], Y), "X has shape (1, 2, 2); expected (N, D)"),
    "number": ((1.0, Y), "X has shape (); expected (N, D)"),
    "unequal rows": ((X, Y[:1]), "The data differ in rows: X has 2, Y has 1;"),
    "empty": ((X[:0], Y[:0]), "X has shape (0, 2); expected (N, D) with D = 2, one of N ≥ 1"),
    "text": ((X.astype(str), Y), "X has dtype <U32; expected real numbers."),
    "complex": ((X * 1j, Y), "X has dtype complex128; expected real numbers."),
    "objects": ((X.astype(object), Y), "X has dtype object; expected real numbers."),
    "ragged": (([[1.0, 2.0], [3.0]], Y), "X has rows of unequal length;"),
    "nan": ((nan, Y), "X has nan in row 1; expected finite numbers (as float32)."),
    "overflow": ((X * 1e300, Y), "X has inf in row 0; expected finite numbers (as float32)."),
    "sum": ((X, Y * [[1], [2]]), "Y (probabilities) has sum 2.0 in row 1; expected sum 1"),
    "negative": ((X, [[2, -1, 0], [1, 0, 0]]), "Y has -1.0 in row 0; expected entries ≥ 0."),
}


@pytest.mark.parametrize(("data", "sentence"), WRONG_DATA.values(), ids=WRONG_DATA)
@pytest.mark.parametrize("function", [loss, value_and_grad])
def test_wrong_data_get_a_sentence(function, data, sentence):
    with pytest.raises(ValueError) as caught:
        function(PARAMS, *data)
    assert str(caught.value).startswith(sentence)


WRONG_PARAMS = {
    "array": (W, "params is not a Params(W, b); take it from"),
    "too few": ((W,), "params is not a Params(W, b)"),
    "shape": (Params(W, np.zeros(2)), "parameter b has shape (2,); expected (C,) with C = 3."),
    "axes": (Params(W[0], np.zeros(2)), "parameter W has shape (2,); expected (C, D)."),
    "type": (Params(W * 1j, np.zeros(3)), "parameter W has dtype complex128;"),
}


@pytest.mark.parametrize(("params", "sentence"), WRONG_PARAMS.values(), ids=WRONG_PARAMS)
def test_wrong_parameters_get_a_sentence(params, sentence):
    with pytest.raises(ValueError) as caught:
        predict(params, X)
    assert str(caught.value).startswith(sentence)


def test_labels(labelled):
    params = labelled.init(D=2, H=4, C=3)
    for labels in ([0, 2], np.array([0, 2], np.uint8), np.array([False, True])):
        assert np.isfinite(labelled.loss(params, X, labels))
    for labels, sentence in [
        ([0, 3], "c has 3 in row 1; expected labels ≥ 0 and < 3."),
        ([-1, 0], "c has -1 in row 0; expected labels ≥ 0 and < 3."),
        (
            [0.0, 1.0],
            "c has dtype float64; expected integer labels; convert them with .astype(int)",
        ),
        ([[0], [1]], "c has shape (2, 1); expected (N,), one of N ≥ 1 examples per row."),
    ]:
        with pytest.raises(ValueError) as caught:
            labelled.loss(params, X, labels)
        assert str(caught.value).startswith(sentence)


def test_fixed_sizes_scalars_and_nothing_to_predict(weighted):
    params = weighted.init()
    assert weighted.loss(params, np.ones((5, 3)), np.ones(5), np.ones(5)) == 1.0
    assert weighted.loss((np.ones(3), 2), np.ones((5, 3)), np.ones(5), np.ones(5)) == 16.0
    with pytest.raises(ValueError, match=r"X has shape \(5, 2\); expected \(N, 3\), one of"):
        weighted.loss(params, np.ones((5, 2)), np.ones(5), np.ones(5))
    with pytest.raises(ValueError, match="weighted predicts nothing; build it with predict="):
        weighted.predict(params)
