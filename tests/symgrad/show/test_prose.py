"""Reasons: which part of a sentence is mathematics, and how it is set."""

from __future__ import annotations

import pytest

from symgrad.show.prose import latex_runs, latex_sentence, title_runs

SENTENCES = {
    "cross-entropy of softmax, Σ y = 1": r"cross-entropy of softmax, $\sum  y = 1$",
    "tanh′ = 1 − tanh²": r"$\tanh' = 1 - \tanh^{2}$",
    "exp′ = exp, logsumexp′ = softmax": (
        r"$\exp' = \exp$, $\operatorname{logsumexp}' = \operatorname{softmax}$"
    ),
    "relu′(t) = 1[t > 0]": r"$\operatorname{relu}'(t) = \mathbf{1}[t > 0]$",
    "leaky_relu′(t) = 1 if t > 0 else c": r"$\text{leaky relu}'(t) = 1$ if $t > 0$ else $c$",
    "product rule: L = f(A·B) gives Ā = L̄·Bᵀ": (
        r"product rule: $L = f(A \cdot B)$ gives $\bar{A} = \bar{L} \cdot B^{\top }$"
    ),
    "a sum; Z = A + B gives Ā = Z̄": r"a sum; $Z = A + B$ gives $\bar{A} = \bar{Z}$",
    "erf′(t) = 2e^(−t²)/√π": r"$\operatorname{erf}'(t) = 2e^{-t^{2}}/\surd \pi$",
    "W[k, j]·x[j] is 1.5": r"$W[k, j] \cdot x[j]$ is $1.5$",
    "(backward ÷ forward = 1.5 at equal sizes)": (
        r"(backward $\div$ forward $= 1.5$ at equal sizes)"
    ),
    "log softmax(z) = z": r"$\log \operatorname{softmax}(z) = z$",
    "Gradient of L with respect to W1, gamma": (
        r"Gradient of $L$ with respect to $W_{1}$, $\gamma$"
    ),
    "hₗ₋₁ for l = 2, …, 99": r"$h_{l-1}$ for $l = 2$, $\dots$, $99$",
    "(backward ÷ forward = 2)": r"(backward $\div$ forward $= 2$)",
    "Derivation.closed_form(symbol) gives them": r"Derivation.closed\_form(symbol) gives them",
    "Z = c·A gives c̄ = ⟨Z̄, A⟩": (r"$Z = c \cdot A$ gives $\bar{c} = \langle \bar{Z}$, $A\rangle$"),
    "softmax′ = diag(p) − p·pᵀ": (
        r"$\operatorname{softmax}' = \operatorname{diag}(p) - p \cdot p^{\top }$"
    ),
    "p = softmax_rows(z2)": r"$p = \operatorname{softmax}_{\mathrm{rows}}(z_{2})$",
    "50% of it & more": r"$50\%$ of it $\&$ more",
}
"""A sentence → LaTeX's text mode."""


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentence(sentence: str) -> None:
    text = latex_sentence(sentence)
    assert text == SENTENCES[sentence]
    assert text.isascii()


TITLES = {
    "Gradient of loss with respect to a, W1, Wr, …, b2": (
        r"Gradient of $\mathit{loss}$ with respect to $a$, $W_{1}$, $\mathit{Wr}$, …, $b_{2}$"
    ),
    "Summary of all": "Summary of all",
}
"""A title → LaTeX's text mode."""


@pytest.mark.parametrize("title", TITLES)
def test_names_in_a_title_are_mathematics(title: str) -> None:
    assert latex_runs(title_runs(title)).replace(r"$\dots$", "…") == TITLES[title]
