"""Estimators pass scikit-learn's own checks, and work where its estimators do."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symgrad as sg
from symgrad.errors import DeclarationError

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

D, H, C = sp.symbols("D H C", integer=True, positive=True)
x = sp.MatrixSymbol("x", D, 1)
W, b = sp.MatrixSymbol("W", C, D), sp.MatrixSymbol("b", C, 1)


def softmax_regression(**options: Any) -> Any:
    c = sg.label("c", C)
    p = sg.softmax(W * x + b)
    settings = {"epochs": 20, "random_state": 0, **options}
    return sg.estimator(sg.cross_entropy(p, c), [W, b], [x, c], p, **settings)


def network(**options: Any) -> Any:
    y, V, a = sg.simplex("y", C), sp.MatrixSymbol("V", C, H), sp.MatrixSymbol("a", H, 1)
    U = sp.MatrixSymbol("U", H, D)
    p = sg.softmax(V * sg.tanh(U * x + a) + b)
    settings = {"epochs": 20, "sizes": {"H": 8}, "random_state": 0, **options}
    return sg.estimator(sg.cross_entropy(p, y), [U, a, V, b], [x, y], p, **settings)


def linear(**options: Any) -> Any:
    w, s, t = sp.MatrixSymbol("w", D, 1), sp.Symbol("s"), sp.Symbol("t")
    f = sg.dot(w, x) + s
    settings = {"epochs": 60, "learning_rate": 0.05, "random_state": 0, **options}
    return sg.estimator((f - t) ** 2 / 2, [w, s], [x, t], f, **settings)


def several_targets(**options: Any) -> Any:
    y = sp.MatrixSymbol("y", C, 1)
    f = W * x + b
    settings = {"epochs": 60, "learning_rate": 0.05, "random_state": 0, **options}
    return sg.estimator(sg.squared_error(f, y), [W, b], [x, y], f, **settings)


def logistic(**options: Any) -> Any:
    w, s, t = sp.MatrixSymbol("w", D, 1), sp.Symbol("s"), sp.Symbol("t")
    p = sg.sigmoid(sg.dot(w, x) + s)
    loss = -t * sg.log(p) - (1 - t) * sg.log(1 - p)
    settings = {"epochs": 30, "kind": "classifier", "random_state": 0, **options}
    return sg.estimator(loss, [w, s], [x, t], p, **settings)


@parametrize_with_checks([network(), linear(), several_targets()])
def test_scikit_learn_agrees(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([softmax_regression(), logistic(), network(target="numba")])
def test_scikit_learn_agrees_on_more(estimator: Any, check: Any) -> None:
    check(estimator)


def test_labels_of_any_type_and_their_probabilities() -> None:
    data = load_wine()
    names = data.target_names[data.target]
    model = make_pipeline(StandardScaler(), softmax_regression()).fit(data.data, names)
    assert model.score(data.data, names) > 0.97
    p = model.predict_proba(data.data[:5])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (model.classes_[p.argmax(axis=1)] == model.predict(data.data[:5])).all()


def test_two_classes_of_a_scalar_target() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), logistic()).fit(X, y)
    assert model.score(X, y) > 0.97
    assert ((model.decision_function(X) > 0) == (model.predict(X) == 1)).all()
    with pytest.raises(ValueError, match="y has 3 classes"):
        logistic().fit(*load_wine(return_X_y=True))


def test_a_grid_is_searched() -> None:
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    pipeline = make_pipeline(StandardScaler(), linear(epochs=15))
    name = "symgradregressor__learning_rate"
    search = GridSearchCV(pipeline, {name: [1e-6, 0.05]}, cv=3).fit(X, y)
    assert search.best_params_ == {name: 0.05}
    assert search.best_score_ > 0.4


def test_early_stopping_holds_examples_out() -> None:
    X, y = load_wine(return_X_y=True)
    model = network(epochs=500, patience=3, learning_rate=0.05)
    model.fit(StandardScaler().fit_transform(X), y)
    assert model.n_iter_ < 500
    assert np.isfinite(model.history_.validation_loss).all()


def test_it_travels_to_another_process(tmp_path: Path) -> None:
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    train, test, answers, _ = train_test_split(X, y, random_state=0)
    model = network().fit(train, answers)
    np.save(tmp_path / "x.npy", test)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    script = (
        "import pickle, sys, numpy as np\n"
        "model = pickle.load(open(sys.argv[1] + '/model.pickle', 'rb'))\n"
        "np.save(sys.argv[1] + '/p.npy', model.predict_proba(np.load(sys.argv[1] + '/x.npy')))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), model.predict_proba(test))


t, c = sp.Symbol("t"), sg.label("c", C)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((sg.cross_entropy(sg.softmax(W * x + b), c), [W, b], [x], W * x), {}, "1 data leaves"),
        (
            (sg.cross_entropy(sg.softmax(W * x + b), c), [W, b], [x, c], W * x * c),
            {},
            "depends on x and c",
        ),
        ((sg.squared_error(W * x, b), [W], [x, b], W * x), {"kind": "classifier"}, "is a vector"),
        ((sg.squared_error(W * x, b), [W], [x, b], W * x), {"kind": "both"}, "kind='both'"),
    ],
)
def test_what_makes_no_estimator(arguments: Any, options: Any, sentence: str) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        sg.estimator(*arguments, **options)


def test_a_fixed_number_of_classes_is_refused_by_number() -> None:
    z, A, k = sp.MatrixSymbol("z", D, 1), sp.MatrixSymbol("A", 4, D), sg.label("k", 4)
    p = sg.softmax(A * z)
    with pytest.raises(ValueError, match="y has 3 classes, but the network was declared for 4"):
        sg.estimator(sg.cross_entropy(p, k), [A], [z, k], p).fit(*load_wine(return_X_y=True))
