"""scikit-learn estimators around training modules.

Why it exists: a generated file trains one network; pipelines, grid searches and cross-validation
want an object with ``fit`` and ``predict`` that is cloned and pickled. The network stays what was
declared: what scikit-learn learns from the data (how many features and classes there are, what the
labels are called) is bound to its symbolic dimensions.

Needs scikit-learn, which is an extra: ``pip install symgrad[sklearn]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError(
        "sg.estimator needs scikit-learn 1.6 or newer; install it with "
        "`pip install 'symgrad[sklearn]'`."
    ) from error

from symgrad import graph as g
from symgrad.algebra import softmax_of
from symgrad.errors import DeclarationError
from symgrad.functions import as_expression
from symgrad.graph import Kind, slot
from symgrad.lift import lift
from symgrad.module_file import TrainingModule
from symgrad.simplify import normalise, strip_names
from symgrad.training import training_module
from symgrad.vocabulary import sigmoid

KINDS = ("classifier", "regressor")


def estimator(
    loss: Any,
    params: Sequence[Any],
    data: Sequence[Any],
    predict: Any,
    *,
    kind: str | None = None,
    target: str = "numpy",
    dtype: str = "float64",
    name: str = "model",
    **options: Any,
) -> SymgradClassifier | SymgradRegressor:
    """A scikit-learn estimator that trains ``params`` to minimise the mean of ``loss``.

    ``data`` are two leaves: the features of one example, a vector, and what is to be predicted.
    Where that is a class (``sg.label``) or probabilities (``sg.simplex``) the estimator is a
    classifier, else a regressor; ``kind="classifier"`` makes one of a scalar target, which is 0
    for the first class and 1 for the second. ``predict`` is a score for each class, of which the
    largest decides, or of a scalar target the score of the second class, which wins above ½.
    Where ``predict`` is a softmax or a sigmoid there is also ``predict_proba``.

    ``options`` are those of `SymgradEstimator`: ``epochs``, ``learning_rate``, ``sizes`` (those of
    dimensions that the data do not show, ``{"H": 32}``), … . They can be searched over and set
    with ``set_params``.

    Raises what `training_module` raises, and DeclarationError where ``data`` are not two leaves.
    """
    if len(data) != 2:
        raise DeclarationError(
            f"{len(data)} data leaves were given; expected two: the features of one example and "
            "what is to be predicted."
        )
    leaves = [lift(as_expression(x)) for x in data]
    below = set(g.leaves([lift(as_expression(predict))]))
    inputs = [leaf for leaf in leaves if leaf in below]
    if len(inputs) != 1 or inputs[0].rank > 1:
        raise DeclarationError(
            "the prediction depends on "
            f"{' and '.join(x.name for x in inputs) or 'no data leaf'}; expected one vector of "
            "features, and not what is to be predicted."
        )
    (answer,) = (leaf for leaf in leaves if leaf not in inputs)
    classes = answer.leaf.classes is not None or any(
        fact.name == "simplex" for fact in answer.leaf.facts
    )
    kind = kind or ("classifier" if classes else "regressor")
    if kind not in KINDS:
        raise DeclarationError(f"kind={kind!r} was given; expected 'classifier' or 'regressor'.")
    if kind == "classifier" and not classes and answer.rank:
        raise DeclarationError(
            f"a classifier was asked for, but {answer.name} is a vector without sg.simplex; "
            "declare it with sg.label or sg.simplex, or as a scalar for two classes."
        )
    module = training_module(loss, params, data, predict, target, dtype, name)
    if kind == "regressor":
        return SymgradRegressor(module, **options)
    made = SymgradProbabilities if _is_probability(predict) else SymgradClassifier
    return made(module, **options)


def _is_probability(predict: Any) -> bool:
    """Whether the scores are a softmax, or a sigmoid of one."""
    (root,) = strip_names(normalise([lift(as_expression(predict))]))
    if root.kind is not Kind.MAP:
        return False
    return softmax_of(root) is not None or root.body == sigmoid(slot(0))


class SymgradEstimator(BaseEstimator):
    """What classifiers and regressors share; made by `estimator`.

    ``sizes`` are dimensions that the data do not show, by name. ``batch_size`` is cut to the number
    of examples. With ``patience``, the share ``validation_fraction`` of the examples is held out,
    and the parameters of the best epoch are kept. All other options are those of the module's
    ``fit``.
    """

    def __init__(
        self,
        module: TrainingModule | None = None,
        *,
        sizes: Mapping[str, int] | None = None,
        epochs: int = 200,
        batch_size: int = 32,
        optimizer: str = "adam",
        learning_rate: float = 0.01,
        schedule: str = "constant",
        clip: float | None = None,
        options: Mapping[str, float] | None = None,
        initial: Any = None,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        random_state: Any = None,
        progress: bool = False,
    ) -> None:
        self.module = module
        self.sizes = sizes
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.clip = clip
        self.options = options
        self.initial = initial
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.progress = progress

    def _trained(self, X: np.ndarray, targets: np.ndarray, **sizes: int) -> None:
        """Run the module's ``fit`` on features and targets, in the order of its data."""
        file = self._file()
        inputs = file.INPUTS[0]
        arrays = [X if spec.name == inputs else targets for spec in file.DATA]
        generator = check_random_state(self.random_state)
        seed = int(generator.randint(2**31 - 1))
        held_out = None
        if self.patience is not None:
            rows = generator.permutation(len(X))
            count = max(1, round(self.validation_fraction * len(X)))
            held_out = [array[rows[:count]] for array in arrays]
            arrays = [array[rows[count:]] for array in arrays]
        full = self.optimizer in getattr(file, "FULL_BATCH", ())
        self.params_, self.history_ = file.fit(
            *arrays,
            epochs=self.epochs,
            batch_size=None if full else min(self.batch_size, len(arrays[0])),
            optimizer=self.optimizer,
            learning_rate=None if full else self.learning_rate,
            schedule=self.schedule,
            clip=self.clip,
            options=self.options,
            initial=self.initial,
            patience=self.patience,
            validation=held_out,
            seed=seed,
            progress=self.progress,
            **{**sizes, **(self.sizes or {})},
        )
        self.n_iter_ = len(self.history_.loss)

    def _file(self) -> Any:
        if self.module is None:
            raise ValueError("there is no network; make the estimator with sg.estimator.")
        return self.module.load()

    def __getstate__(self) -> Any:
        """Plain arrays: the classes of what `fit` made are those of a file that others lack."""
        state = dict(super().__getstate__())
        for name in ("params_", "history_"):
            if name in state:
                state[name] = state[name]._asdict()
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        for name, kind in (("params_", "Params"), ("history_", "History")):
            if name in state:
                setattr(self, name, getattr(self._file(), kind)(**state[name]))

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self._file().DTYPE, reset=False)
        return np.asarray(self._file().predict(self.params_, X))

    def _answer(self) -> Any:
        """The declaration of what is predicted."""
        file = self._file()
        return next(spec for spec in file.DATA if spec.name not in file.INPUTS)


class SymgradClassifier(ClassifierMixin, SymgradEstimator):
    """A classifier around a training module; see `estimator`."""

    def fit(self, X: Any, y: Any) -> SymgradClassifier:
        """Train on the features X (N, D) and the labels y (N,), of any type."""
        X, y = validate_data(self, X, y, dtype=self._file().DTYPE)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        answer, count = self._answer(), len(self.classes_)
        if count < 2:
            raise ValueError(
                f"y has 1 class, {self.classes_[0]!r}; a classifier needs examples of at least two."
            )
        if not answer.shape and answer.classes is None:
            if count > 2:
                raise ValueError(
                    f"y has {count} classes; Only binary classification is supported by this "
                    "network, whose target is a scalar."
                )
            self._trained(X, numbers.astype(X.dtype))
            return self
        size = answer.classes if answer.classes is not None else answer.shape[-1]
        if isinstance(size, int) and size != count:
            raise ValueError(f"y has {count} classes, but the network was declared for {size}.")
        targets = numbers if answer.classes is not None else np.eye(count, dtype=X.dtype)[numbers]
        self._trained(X, targets, **({size: count} if isinstance(size, str) else {}))
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores (N, C); of two classes (N,), positive where the second one wins."""
        scores = self._scores(X)
        if scores.ndim == 1:
            return np.asarray(scores - 0.5)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each example, (N,)."""
        scores = self._scores(X)
        chosen = (scores > 0.5).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.module is not None:
            answer = self._answer()
            tags.classifier_tags.multi_class = bool(answer.shape) or answer.classes is not None
        return tags


class SymgradProbabilities(SymgradClassifier):
    """A classifier whose scores are probabilities."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (N, C)."""
        scores = self._scores(X)
        if scores.ndim == 1:
            return np.stack([1 - scores, scores], axis=1)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


class SymgradRegressor(RegressorMixin, SymgradEstimator):
    """A regressor around a training module; see `estimator`."""

    def fit(self, X: Any, y: Any) -> SymgradRegressor:
        """Train on the features X (N, D) and the targets y, (N,) or (N, C)."""
        file, answer = self._file(), self._answer()
        X, y = validate_data(self, X, y, dtype=file.DTYPE, y_numeric=True, multi_output=True)
        y = np.asarray(y, file.DTYPE)
        self._flat = y.ndim == 1
        sizes = {}
        if answer.shape:
            y = y.reshape(len(y), -1)
            (size,) = answer.shape
            if isinstance(size, str):
                sizes[size] = y.shape[1]
            elif size != y.shape[1]:
                raise ValueError(
                    f"y has {y.shape[1]} columns, but the network was declared for {size}."
                )
        else:
            y, self._flat = column_or_1d(y, warn=True), True
        self._trained(X, y, **sizes)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The predictions, shaped like the y of `fit`."""
        scores = self._scores(X)
        return scores.reshape(len(scores)) if self._flat else scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self.module is not None and bool(self._answer().shape)
        return tags
