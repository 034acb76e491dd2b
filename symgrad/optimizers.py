"""Optimizers, declared as mathematics: one row each.

Why it exists: an update rule is a few formulas, so it is written as such, in the order in which
they are computed: each sees the new values of those before it. The formulas are over the symbols
``theta`` (a parameter), ``g`` (its gradient), ``eta`` (the learning rate of the step), ``t`` (the
number of the step, from 1), the arrays that the rule keeps (its state) and its options. They are
compiled like everything else, see `update_programs`.

The rules are those that PyTorch's ``torch.optim`` documents, without its variants; each row of
`OPTIMIZERS` names its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from keyword import iskeyword
from types import MappingProxyType
from typing import Any

import sympy as sp

from symgrad.errors import DeclarationError, UnsupportedError
from symgrad.show.text import formula

theta, g, eta, t = sp.symbols("theta g eta t", real=True)

_LETTERS = {
    "theta": "θ", "eta": "η", "mu": "μ", "alpha": "α", "beta": "β", "epsilon": "ε", "rho": "ρ",
    "gamma": "γ", "lambda": "λ", "weight_decay": "λ",
}  # fmt: skip
"""How names are written in a formula."""

GIVEN = (theta, g, eta, t)
"""What every rule is given."""
_USED = ("learning_rate", "numbers", "np", "math")
"""Names that the functions of a rule use in a file."""


@dataclass(frozen=True)
class Optimizer:
    """An update rule.

    ``updates`` are pairs (symbol, new value at every entry), in order; ``state`` maps the arrays
    that the rule keeps to what they hold before the first step; ``options`` maps the other symbols
    to their values unless `fit` is given others. ``source`` says where the rule is from.
    """

    name: str
    updates: tuple[tuple[sp.Symbol, sp.Expr], ...]
    state: Mapping[sp.Symbol, float]
    options: Mapping[sp.Symbol, float]
    source: str = ""

    @property
    def formula(self) -> str:
        """The updates as one line of text: ``m ← g + m·μ; θ ← θ − η·m``."""
        names = {*GIVEN, *self.state, *self.options}
        greek = {x: sp.Symbol(letters(x.name)) for x in names}
        lines = [
            f"{formula(x.xreplace(greek))} ← {formula(value.xreplace(greek))}"
            for x, value in self.updates
        ]
        return "; ".join(lines)


def optimizer(
    name: str,
    updates: Mapping[Any, Any] | Iterable[tuple[Any, Any]],
    *,
    state: Mapping[Any, float] | None = None,
    options: Mapping[Any, float] | None = None,
    source: str = "",
) -> Optimizer:
    """An update rule of your own, for ``sg.training_module(…, optimizers=[…])``.

    ``updates`` maps symbols to their new values, in the order in which they are computed, among
    them ``theta``. Symbols count by name: ``theta`` the parameter, ``g`` its gradient,
    ``eta`` the learning rate, ``t`` the number of the step; ``state`` are arrays kept from step to
    step and what they hold at first, ``options`` numbers with their defaults::

        theta, g, eta, m, mu = sp.symbols("theta g eta m mu")
        sg.optimizer("lion", {theta: theta - eta * sp.sign(mu * m + (1 - mu) * g), m: …},
                     state={m: 0}, options={mu: 0.9})

    Raises DeclarationError for a symbol that is none of these, or a rule that leaves theta alone.
    """
    pairs = [*(updates.items() if isinstance(updates, Mapping) else updates)]
    kept = {_symbol(x): _number(name, x, v) for x, v in (state or {}).items()}
    numbers = {_symbol(x): _number(name, x, v) for x, v in (options or {}).items()}
    if not isinstance(name, str) or not name.isidentifier():
        raise DeclarationError(
            f"the optimizer's name {name!r} was given; expected one word such as 'momentum'."
        )
    for x in (*kept, *numbers):
        if not x.name.isidentifier() or iskeyword(x.name) or x.name in _USED:
            raise DeclarationError(
                f"{x.name} was given as a name in the optimizer {name}; expected one that Python "
                f"allows and the file does not use itself ({', '.join(_USED)})."
            )
    known = [*GIVEN, *kept, *numbers]
    twice = [x.name for k, x in enumerate(known) if x in known[:k]]
    if twice:
        raise DeclarationError(f"{twice[0]} has two meanings in the optimizer {name}; rename one.")
    found: list[tuple[sp.Symbol, sp.Expr]] = []
    for target, value in pairs:
        symbol, expr = _symbol(target), _plain(sp.sympify(value, strict=True))
        if symbol not in (theta, g, *kept):
            raise DeclarationError(
                f"the optimizer {name} updates {symbol}, which is neither theta nor among its "
                f"state ({_names(kept)}); add it to state=."
            )
        strange = sorted(expr.free_symbols - {*known}, key=str)
        if strange:
            raise DeclarationError(
                f"the optimizer {name} uses {strange[0]}, which is none of {_names(known)}; add it "
                "to state= or to options=."
            )
        found.append((symbol, expr))
    if theta not in [x for x, _ in found]:
        raise DeclarationError(f"the optimizer {name} never updates theta; add its new value.")
    return Optimizer(name, tuple(found), MappingProxyType(kept), MappingProxyType(numbers), source)


def letters(name: str) -> str:
    """``β1`` for beta1."""
    word = name.rstrip("0123456789")
    return _LETTERS.get(word, word) + name[len(word) :]


def _symbol(x: Any) -> sp.Symbol:
    if not isinstance(x, sp.Symbol | str):
        raise DeclarationError(f"{x!r} was given; expected a SymPy symbol.")
    return sp.Symbol(str(x), real=True)


def _plain(expr: sp.Expr) -> sp.Expr:
    """The expression over symbols that are known by name alone."""
    return expr.xreplace({x: sp.Symbol(x.name, real=True) for x in expr.free_symbols})


def _number(name: str, x: Any, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DeclarationError(
            f"{x} = {value!r} was given in the optimizer {name}; expected a number."
        ) from None


def _names(symbols: Iterable[sp.Symbol]) -> str:
    return ", ".join(x.name for x in symbols) or "empty"


# ------------------------------------------------------------------------------------ the rules


def _declared(
    name: str, source: str, updates: Sequence[tuple[Any, Any]], state: str = "", **options: float
) -> Optimizer:
    return optimizer(
        name, updates, state=dict.fromkeys(state.split(), 0.0), options=options, source=source
    )


_m, _s, _v, _mu, _alpha, _beta1, _beta2, _epsilon, _decay = sp.symbols(
    "m s v mu alpha beta1 beta2 epsilon weight_decay", real=True
)
_decayed = (g, g + _decay * theta)
_adaptive = (
    (_m, _beta1 * _m + (1 - _beta1) * g),
    (_v, _beta2 * _v + (1 - _beta2) * g**2),
    (
        theta,
        theta - eta * _m / (1 - _beta1**t) / (sp.sqrt(_v) / sp.sqrt(1 - _beta2**t) + _epsilon),
    ),
)

OPTIMIZERS: Mapping[str, Optimizer] = {
    x.name: x
    for x in (
        _declared(
            "sgd",
            "Robbins and Monro, 1951",
            [_decayed, (theta, theta - eta * g)],
            weight_decay=0.0,
        ),
        _declared(
            "momentum",
            "Polyak, 1964",
            [_decayed, (_m, _mu * _m + g), (theta, theta - eta * _m)],
            "m",
            mu=0.9,
            weight_decay=0.0,
        ),
        _declared(
            "nesterov",
            "Nesterov, 1983; Sutskever et al., 2013",
            [_decayed, (_m, _mu * _m + g), (theta, theta - eta * (g + _mu * _m))],
            "m",
            mu=0.9,
            weight_decay=0.0,
        ),
        _declared(
            "adagrad",
            "Duchi, Hazan and Singer, 2011",
            [_decayed, (_s, _s + g**2), (theta, theta - eta * g / (sp.sqrt(_s) + _epsilon))],
            "s",
            epsilon=1e-10,
            weight_decay=0.0,
        ),
        _declared(
            "rmsprop",
            "Tieleman and Hinton, 2012",
            [
                _decayed,
                (_s, _alpha * _s + (1 - _alpha) * g**2),
                (theta, theta - eta * g / (sp.sqrt(_s) + _epsilon)),
            ],
            "s",
            alpha=0.99,
            epsilon=1e-8,
            weight_decay=0.0,
        ),
        _declared(
            "adam",
            "Kingma and Ba, 2015",
            [_decayed, *_adaptive],
            "m v",
            beta1=0.9,
            beta2=0.999,
            epsilon=1e-8,
            weight_decay=0.0,
        ),
        _declared(
            "adamw",
            "Loshchilov and Hutter, 2019",
            [(theta, theta - eta * _decay * theta), *_adaptive],
            "m v",
            beta1=0.9,
            beta2=0.999,
            epsilon=1e-8,
            weight_decay=0.01,
        ),
    )
}
"""The rules that every training module has, unless it is built with others."""


def chosen(given: Iterable[str | Optimizer] | None) -> tuple[Optimizer, ...]:
    """The optimizers of a training module: plain gradient descent, and those asked for."""
    if given is None:
        return tuple(OPTIMIZERS.values())
    if isinstance(given, str | Optimizer):
        given = [given]
    found = {"sgd": OPTIMIZERS["sgd"]}
    for x in given:
        if not isinstance(x, Optimizer):
            x = _row(x)
        if x.name in found and found[x.name] is not x:
            raise DeclarationError(f"two optimizers are named {x.name}; rename one.")
        found[x.name] = x
    return tuple(found.values())


def _row(name: Any) -> Optimizer:
    if name not in OPTIMIZERS:
        near = get_close_matches(str(name), OPTIMIZERS, n=1, cutoff=0.0)
        raise UnsupportedError(
            f"the optimizer {name!r} was given; expected one of {', '.join(OPTIMIZERS)}, or one "
            f"made with sg.optimizer. Did you mean {near[0]!r}?"
        )
    return OPTIMIZERS[name]
