"""The minibatch loop: the same steps whatever the chunks, and what each option does to them."""

import numpy as np
import pytest

from symgrad.codegen.runtime.training import fit, init

RNG = np.random.default_rng(2)
X = RNG.normal(size=(53, 3))
TARGETS = X @ [1.0, -2.0, 0.5] + RNG.normal(size=53)
WEIGHTS = RNG.uniform(size=53)
LABELS = RNG.integers(3, size=53)


def equal(a, b):
    """Two results of fit are the same, bit by bit."""
    pairs = zip((*a[0], *a[1][:-1]), (*b[0], *b[1][:-1]), strict=True)
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


def _halved(t):
    return 0.5 ** (t // 20)


RUNS = {
    "plain": {},
    "rates": {"schedule": "cosine", "warmup": 9},
    "function": {"schedule": _halved},
    "decay": {"options": {"weight_decay": 0.1}},
    "clip": {"clip": 0.3},
    "freeze": {"freeze": [0]},
    "momentum": {"optimizer": "momentum", "options": {"mu": 0.8}, "schedule": "1/t"},
    "all": {"optimizer": "momentum", "clip": 0.5, "freeze": [1], "schedule": "step"},
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("host", ["labelled", "weighted", "dropped"])
def test_chunks_change_nothing(host, run, request, monkeypatch):
    module = request.getfixturevalue(host)
    data = {"labelled": (X, LABELS), "weighted": (X, TARGETS, WEIGHTS), "dropped": (X, TARGETS)}
    options = {"epochs": 4, "batch_size": 5, "learning_rate": 0.05} | RUNS[run]
    options |= {"C": 3, "H": 2} if host == "labelled" else {}
    options["freeze"] = [module.Params._fields[k] for k in options.get("freeze", ())]
    results = []
    for seconds in (0.0, 1e-4, 1e9):
        monkeypatch.setattr(module, "CHUNK_SECONDS", seconds)
        results.append(module.fit(*data[host], **options))
    assert equal(results[0], results[1]) and equal(results[0], results[2])
    assert not equal(results[0], module.fit(*data[host], **options | {"seed": 1}))


@pytest.mark.parametrize("run", RUNS)
def test_short_epochs_are_taken_several_at_a_time(run, weighted, monkeypatch):
    """Where all minibatches are whole; to the same bits, and with the same history."""
    calls, steps = [], weighted._steps

    def counted(*arguments):
        calls.append(len(arguments[4]))
        return steps(*arguments)

    monkeypatch.setattr(weighted, "_steps", counted)
    options = {"epochs": 30, "batch_size": 53, "learning_rate": 0.05, "clip": 9.0} | RUNS[run]
    options["freeze"] = [weighted.Params._fields[k] for k in options.get("freeze", ())]
    results = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(weighted, "CHUNK_SECONDS", seconds)
        results.append(weighted.fit(X, TARGETS, WEIGHTS, **options))
    assert equal(*results)
    assert calls == [*[53] * 30, 53, 8 * 53, 21 * 53]
    assert len(results[1][1].loss) == 30


def by_hand(epochs, batch_size, rate, update):
    """Training of `weighted`: `update(theta, g, t)` for each step of gradient g."""
    theta, t = np.zeros(4), 0
    for epoch in range(epochs):
        order = np.random.default_rng([8, epoch]).permutation(53)
        for start in range(0, 53, batch_size):
            rows, t = order[start : start + batch_size], t + 1
            r = 2 * WEIGHTS[rows] * (X[rows] @ theta[:3] + theta[3] - TARGETS[rows]) / len(rows)
            theta = update(theta, np.array([*(X[rows].T @ r), r.sum()]), t)
    return theta


def momentum(rate, mu, kept):
    def update(theta, g, t):
        kept[:] = mu * kept + g
        return theta - rate * kept

    return update


def clipped(g, clip):
    return g * min(1, clip / (np.linalg.norm(g) + 1e-6))


UPDATES = {
    "plain": ({}, lambda theta, g, t: theta - 0.1 * g),
    "schedule": (
        {"schedule": _halved, "warmup": 4},
        lambda theta, g, t: theta - 0.1 * min(1, t / 4) * 0.5 ** (max(1, t - 4) // 20) * g,
    ),
    "decay": (
        {"options": {"weight_decay": 0.3}},
        lambda theta, g, t: theta - 0.1 * (g + 0.3 * theta),
    ),
    "clip": ({"clip": 0.5}, lambda theta, g, t: theta - 0.1 * clipped(g, 0.5)),
    "freeze": (
        {"freeze": ["w"], "clip": 0.01},
        lambda theta, g, t: theta - 0.1 * clipped(g * [0, 0, 0, 1], 0.01),
    ),
    "momentum": ({"optimizer": "momentum"}, momentum(0.1, 0.9, np.zeros(4))),
}


@pytest.mark.parametrize(("options", "update"), UPDATES.values(), ids=UPDATES)
def test_steps_follow_their_definition(weighted, options, update):
    data, expected = (X, TARGETS, WEIGHTS), by_hand(3, 7, 0.1, update)
    params, _ = weighted.fit(*data, epochs=3, batch_size=7, learning_rate=0.1, seed=8, **options)
    np.testing.assert_allclose([*params.w, params.b], expected, rtol=1e-9)


def test_what_is_frozen_stays(labelled):
    start = labelled.init(C=3, H=2, D=3)
    options = {"epochs": 2, "batch_size": 5, "learning_rate": 0.1, "params": start}
    params, _ = labelled.fit(X, LABELS, freeze=["W"], **options)
    assert np.array_equal(params.W, start.W) and not np.array_equal(params.V, start.V)


def test_dropout_agrees_with_its_mean(dropped):
    """With masks of mean 1 after scaling, the gradient of a linear loss is right on average."""
    options = {"epochs": 400, "batch_size": 53, "learning_rate": 0.1, "schedule": "1/t"}
    params, history = dropped.fit(X, TARGETS, options={"decay": 0.05}, **options)
    # E(x·m/½·w − y)² = (x·w − y)² + Σ (x·w)², and of the bias (b·n/¾)²: b² + b²/3.
    A = np.column_stack([X, np.ones(53)])
    ridge = np.diag([*np.square(X).sum(axis=0), 53 / 3])
    expected = np.linalg.solve(A.T @ A + ridge, A.T @ TARGETS)
    np.testing.assert_allclose([*params.w, params.b], expected, atol=0.15)
    assert history.loss[-50:].mean() > dropped.loss(params, X, TARGETS)  # nothing is dropped there


def test_the_history_has_the_rate_of_the_last_step():
    Y = np.eye(3)[LABELS]
    options = {"epochs": 3, "batch_size": 20, "learning_rate": 0.4}
    _, history = fit(X, Y, schedule="step", options={"factor": 0.1, "every": 1}, **options)
    np.testing.assert_allclose(history.learning_rate, [0.4, 0.04, 0.004])
    _, history = fit(X, Y, warmup=6, **options)
    np.testing.assert_allclose(history.learning_rate, [0.2, 0.4, 0.4])


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(weighted):
    options = {"epochs": 2, "batch_size": 7, "learning_rate": 0.0}
    params, history = weighted.fit(X, TARGETS, WEIGHTS, **options)
    expected = weighted.loss(params, X, TARGETS, WEIGHTS)
    np.testing.assert_allclose(history.loss, expected, rtol=1e-12)


def test_plain_steps_are_taken_only_where_they_are_right(weighted, monkeypatch):
    monkeypatch.setattr(weighted, "_sgd_steps", None)
    options = {"epochs": 1, "batch_size": 7, "learning_rate": 0.1}
    for different in ({"clip": 1.0}, {"freeze": ["b"]}, {"options": {"weight_decay": 0.1}}):
        weighted.fit(X, TARGETS, WEIGHTS, **options | different)
    with pytest.raises(TypeError):
        weighted.fit(X, TARGETS, WEIGHTS, **options)


def test_a_call_takes_about_as_long_as_it_should(weighted, monkeypatch):
    """Chunks grow until a call takes CHUNK_SECONDS, on a clock that counts ten steps a second."""
    clock, taken = [0.0], []
    steps = weighted._sgd_steps

    def counted(params, order, *rest):
        taken.append(len(order))
        clock[0] += len(order) / 10
        return steps(params, order, *rest)

    monkeypatch.setattr(weighted, "_sgd_steps", counted)
    monkeypatch.setattr(weighted, "CHUNK_SECONDS", 2.0)
    monkeypatch.setattr(weighted.time, "monotonic", lambda: clock[0])
    weighted.fit(X, TARGETS, WEIGHTS, epochs=1, batch_size=1, learning_rate=0.01)
    assert taken == [1, 8, 20, 20, 4]


def test_what_fit_is_given_is_not_changed():
    Y, start = np.eye(3)[LABELS], init(5, C=3, D=3)
    kept = [array.copy() for array in (*start, X, Y)]
    params, _ = fit(X, Y, params=start, epochs=2, batch_size=9, learning_rate=0.1)
    assert all(map(np.array_equal, (*start, X, Y), kept))
    assert not np.shares_memory(params.W, start.W)
