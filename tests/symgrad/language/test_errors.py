"""Mistakes that people make: the line, the column, and a sentence that says what to do."""

from __future__ import annotations

import pickle
import re

import pytest

import symgrad as sg

DECLARED = """x, u: vector(D)
h: vector(H)
W, B: matrix(H, D)
A: matrix(n, n)
a, b: scalar
T: array(2, 3, D)
c: label(D)
s: function
"""
LINE = DECLARED.count("\n") + 1

ROWS: list[tuple[str, int, str]] = [
    # shapes: both, and what may have been meant
    ("L = W h", 5, "W is H×D and h is H×1, which have no product: the columns of the first must "
                   "equal the rows of the second; did you mean W' h?"),
    ("L = a + W W", 9, "did you mean W .* W?"),
    ("L = W B", 5, "did you mean W .* B?"),
    ("L = x W", 5, "did you mean W x?"),
    ("L = x u", 5, "write x' u for the dot product, x * u for the product entry by entry, or x u' "
                   "for the matrix of all products."),
    ("L = tanh(W h)", 10, "did you mean W' h?"),
    ("L = x + h", 5, "x is D×1 and h is H×1, which cannot be added."),
    ("L = x + u'", 5, "did you mean u?"),
    ("L = x' - u", 5, "did you mean u'?"),
    ("L = W ⊙ x", 5, "cannot be multiplied entry by entry"),
    ("L = tr(W' W + a)", 8, "W' W is D×D and a is a scalar, which do not fit; write a eye(D) for "
                            "the identity matrix, or a ones(D, D) for every entry."),
    ("L = W ⊗ B", 5, "⊗ is read between vectors only"),
    ("L = sum(W[0, :])", 14, "a row or column is not read; write row(X, k)"),
    ("L = W^2", 5, "write W .^ 2 for the power entry by entry"),
    ("L = x / h", 5, "divide by a scalar, or entry by entry"),
    ("L = x / A", 5, "divide by a scalar, or entry by entry"),
    ("L = A / A", 5, "write ./ for the division entry by entry"),
    ("L = squared_error(x, h)", 5, "needs two operands of one shape; x is D×1 and h is H×1"),
    ("L = A^0.5", 5, "the matrix power 0.5 is not supported"),
    ("L = |W|", 5, "write ‖W‖ for a norm"),
    ("z[k] = W x", 8, "this is H×1, and one entry is a scalar"),
    ("L = 2 T", 5, "T is an array of 3 axes, which has no products or sums"),
    ("L = diag(W)", 5, "diag needs a vector or a square matrix; W is H×D."),
    ("L = a^x", 5, "an array stands in an exponent only over a positive number"),
    # the transpose of a transpose is the thing itself
    ("L = sum(W x')", 9, "did you mean W x?"),
    ("L = sum(W' x)", 9, "did you mean W x?"),
    ("L = x' h'", 5, "did you mean x h'?"),
    # names
    ("L = W q", 7, "q is not declared; add a line such as q: vector(n) or q: scalar"),
    ("L = Q + 1", 5, "Q is not declared; add a line such as Q: matrix(n, m)"),
    ("L = Wx", 5, "did you mean the product W x?"),
    ("L = mean L over x", 10, "L is what this line defines, and a value cannot use itself;"),
    ("z[k] = z[k] + x[k]", 8, "z is what this line defines"),
    ("L = sum(x) if a else 0", 12, "if is no word of this language, which is not Python; a "
                                   "choice is written where(z > 0, a, b)."),
    ("L = a if (x)", 7, "if is no word of this language, which is not Python"),
    ("L = import os", 5, "import is no word of this language"),
    ("L = a not b", 7, "not is no word of this language"),
    ("L = None", 5, "None is no word of this language"),
    ("L = q", 5, "q is not declared; add a line"),  # not I, the identity
    ("L = x[1, 2]", 10, "the only position here is 0; this is outside."),
    ("L = tahn(x)", 5, "did you mean tanh?"),
    ("L = sofmax(x)", 5, "did you mean softmax?"),
    ("L = x_a", 5, "did you mean the entry x[a]?"),
    ("v = vector(D)", 5, "a name is declared with a colon, as in x: vector(D)."),
    ("v = scalar(D)", 5, "a name is declared with a colon, as in x: scalar."),
    ("v: vector D", 11, "sizes stand in parentheses; write vector(D)."),
    ("vector v(D)", 9, "a declaration has the name first, as in x: vector(D)"),
    ("v: vector(D), w: vector(D)", 16, "a line has one declaration"),
    ("D = 2 a", 1, "D is a dimension already, in line 1"),
    ("L = 1/2a", 7, "it is not clear what is divided by"),
    ("v: one-hot(D)", 4, "one-hot is a fact, which has no sizes; write the kind beside it"),
    ("v: symmetric(n, n)", 4, "symmetric is a fact, which has no sizes"),
    ("v := 2 a", 4, "a definition is written with = alone"),
    ("let v = 2 a", 1, "let begins no line"),
    ("v: n x n", 4, "n is no kind and no fact"),
    ("L = f(x)", 5, "f is neither declared nor a function"),
    ("L = tanh", 5, "tanh is a function; apply it, as in tanh(x)."),
    ("L = 2 tanh + a", 7, "tanh is a function; apply it"),
    ("x: scalar", 1, "x is declared already, in line 1"),
    ("log: scalar", 1, "log is a word of the language"),
    ("W = 2 a", 1, "W is declared already, in line 3"),
    ("L = x[j]", 7, "j is no index here; sum over it, Σ_j …, or define every entry, z[j] = …"),
    ("L = Σ_x x[x]", 7, "x is declared already; an index needs a name of its own"),
    ("z[k, k] = W[k, k]", 6, "k is an index already"),
    ("L = Σ_j a", 5, "the range of j does not follow"),
    ("L = Σ_j x[2 j]", 5, "the range of j does not follow"),
    ("L = x[D]", 7, "the positions here run from 0 to D − 1; this is outside."),
    ("L = x[-1]", 7, "this is outside"),
    ("L = x[a]", 7, "a position is an index, a class label or a whole number"),
    ("L = W[1]", 5, "W is H×D and takes 2 positions in brackets; 1 stand here."),
    ("L = x'[0]", 7, "entries are taken of a name"),
    ("L = tanh(x)[0]", 5, "entries are taken of a name"),
    ("L = x[1e50 1e50]", 7, "a number here is far too large"),
    ("z[0] = a", 3, "a definition by entries has an index here, as in z[k] = …"),
    ("L = Σ_{2} x[0]", 8, "an index was expected, as in Σ_j, Σ_{j ≠ c}"),
    ("L = Σ_{j > a} x[j]", 8, "a condition of a sum compares indices, labels and numbers."),
    ("L = Σ_{j=0}^{a} x[j]", 13, "a bound of a sum is a whole number"),
    ("L = Σ_{2 j = 0}^{D} x[j]", 8, "the index is missing"),
    ("L = s + 1", 5, "s is a function; apply it, as in s(x)."),
    ("L = s(x, 2)", 5, "s is a function that nothing is known of: it takes scalars, or one array"),
    ("L = tanh'(a)", 5, "tanh is a function: only a power may stand between"),
    ("L = Wtanh(x)", 5, "did you mean W tanh(…)?"),
    ("L = (a > b)", 6, "a comparison stands in brackets, as in 1[z > 0]."),
    ("L = max()", 5, "max and min need at least one value"),
    ("L = max(x, u, rows=true)", 5, "the option rows is for the entries of one matrix"),
    ("L = maxout(x, scale=2)", 5, "it is called as maxout(a, b, …)."),
    ("L = c", 5, "a label is used by its own name"),
    ("dims E = a", 10, "a dimension is a whole number from 1"),
    ("L = a[0]", 5, "a is a scalar, which has no entries."),
    ("L = (W x)[0]", 5, "entries are taken of a name"),
    # what can be read in two ways
    ("L = a/b a", 7, "it is not clear what is divided by; write …/(b a), or (…/b) a."),
    ("L = log a b", 5, "it is not clear what log is applied to"),
    ("L = 1[a = b]", 5, "two values are compared"),
    # brackets and bars
    ("L = (a + b", 5, "this ( is never closed."),
    ("L = tanh(x\nM = 2 a", 9, "this ( is never closed."),
    ("L = a + b)", 10, "this ) closes nothing"),
    ("L = (a + b]", 11, "this ] does not close (, which is still open"),
    ("L = |a + b", 5, "this | is never closed."),
    ("L = ‖x", 5, "this ‖ is never closed."),
    # what is missing
    ("L =", 4, "the end of the line cannot stand here; something is missing before it."),
    ("L = a +", 8, "the end of the line cannot stand here; something is missing before it."),
    ("L = a * / b", 9, "'/' cannot stand here; expected a name or a number"),
    ("L = a,", 6, "',' cannot stand here"),
    ("L = ()", 5, "one expression was expected here"),
    ("L", 2, "the end of the line cannot stand here; a line is a declaration"),
    ("5 = a", 1, "'5' cannot stand here; a line is a declaration"),
    # other languages
    ("import os", 1, "import begins no line"),
    ("from os import path", 9, "this is not Python"),
    ("print(a)", 6, "this is not Python"),
    ("L = lambda x: x", 13, "functions are not defined here"),
    ("L = a == b", 7, "a definition has one ="),
    ("L = a = b", 7, "a line has one definition"),
    ("L = __import__('os')", 5, "names of Python's own are not part of the language"),
    ("L = x.__class__", 6, "only .T, the transpose, stands behind a dot"),
    ('L = "a"', 5, "text in quotes is not part of the language"),
    ("L = \\sigma(a)", 5, "LaTeX commands are not read"),
    ("L = a % b", 7, "there is no remainder"),
    ("L = √a", 5, "the square root is written sqrt(x)"),
    ("parms a", 1, "parms begins no line; did you mean params?"),
    # declarations
    ("v: vecter(n)", 4, "did you mean vector?"),
    ("v: vector", 4, "v"),
    ("v: vector(D, H)", 4, "vector is declared as vector(n); 2 sizes are given here."),
    ("v: symetric matrix(n, n)", 4, "did you mean symmetric?"),
    ("v: matrix(n, H), symmetric", 1, "a square matrix; v has shape n×H"),
    ("v: positive", 4, "the kind of v is missing"),
    ("v: vector(n) matrix(n, n)", 14, "this is a second one"),
    ("v: vector(0)", 11, "a size is a whole number from 1"),
    ("v: vector(a)", 11, "a size is a whole number from 1, or made of dimensions; a is not."),
    ("v: vector(x)", 11, "a size is a whole number or a dimension"),
    ("v: mask(n)", 1, "needs a rate, as in v: mask(n, rate=1/2)"),
    ("v: vector(n), positive, one-hot", 1, "nothing is both"),
    ("params z", 8, "z is not declared"),
    ("M = 2 a\nparams M", 8, "M is not declared as a leaf; params lists leaves."),
    ("params a = 2", 12, "params lists names that are declared above"),
    ("L = mean a over W x", 19,
     "'x' cannot stand here; expected + or −, a comma or the end of the line."),
    ("L = a over x", 5, "what is taken over data is a mean, as in mean L over x, y."),
    ("L = mean a over x", 5, "the data leaf x does not occur in the loss"),
    ("N = 2", 1, "the text defines no value that depends on anything"),
    # numbers
    ("L = a / 0", 5, "this divides by 0"),
    ("L = a log(0)", 7, "no real number"),
    ("L = a sqrt(-1)", 7, "no real number"),
    ("L = 9^9^9 a", 5, "too large"),
    ("L = 9^500 a", 5, "too large"),
    ("L = sum(x^2000)", 9, "too large"),
    ("L = a 0^-1", 7, "0 to this power is no number"),
    ("L = 1e99 a", 5, "too long"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "sentence"), ROWS)
def test_points_at_the_mistake(text: str, column: int, sentence: str) -> None:
    with pytest.raises(sg.ParseError) as caught:
        sg.parse(DECLARED + text)
    error = caught.value
    assert sentence in error.message
    assert error.column == column, str(error)
    lines = text.split("\n")
    assert error.source in lines
    assert error.line == LINE + lines.index(error.source)
    first, shown, caret = str(error).split("\n")
    assert first.startswith(f"line {error.line}, column {column}: ")
    assert shown[2:] == error.source
    assert caret.index("^") == column + 1
    assert len(caret) <= len(shown) + 1


SUGGESTED = (
    "W x'", "W' x", "x W", "W h", "x' h'", "W B", "x u", "x' u'", "(W x) (W u)", "x² u",
    "(x + u)' W", "(x + u) (x - u)", "x + u'", "x' - u", "x + (u + x)'",
)  # fmt: skip
PRODUCTS = "write (.*) for the dot product, (.*) for the product entry by entry, or (.*) for the"


@pytest.mark.parametrize("wrong", SUGGESTED)
def test_what_is_suggested_can_be_typed(wrong: str) -> None:
    """Every expression that a message proposes is one, and none has two primes in a row."""
    with pytest.raises(sg.ParseError) as caught:
        sg.parse(f"{DECLARED}L = {wrong}")
    said = caught.value.message
    products = re.search(PRODUCTS, said)
    meant = products.groups() if products else re.findall(r"did you mean (.*)\?$", said)
    assert meant
    for text in meant:
        assert "''" not in text
        sg.parse(f"{DECLARED}L = {text}")


def test_the_caret_is_under_the_expression() -> None:
    with pytest.raises(sg.ParseError) as caught:
        sg.parse("x: vector(n)\n\tL = 2 (x x)  # a tab\n")
    assert str(caught.value).splitlines()[1:] == ["  \tL = 2 (x x)  # a tab", "  \t       ^^^"]


def test_errors_of_a_file_name_it() -> None:
    error = sg.ParseError("a sentence.", 3, 2, "ab", 1)
    assert str(error.of_file("m.sg")).startswith("m.sg, line 3, column 2: a sentence.\n  ab\n   ^")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error, ValueError) and isinstance(error, sg.SymgradError)


def test_a_long_line_is_shown_around_the_column() -> None:
    with pytest.raises(sg.ParseError) as caught:
        sg.parse("a: scalar\nL = " + "a + " * 200 + "q")
    assert caught.value.column == 805
    assert max(map(len, str(caught.value).splitlines())) < 140


def test_only_text_is_read() -> None:
    with pytest.raises(sg.UnsupportedError, match="type int was given to parse"):
        sg.parse(3)  # type: ignore[arg-type]
