"""Columns of a table become the data arguments, by rules that are obvious, or a sentence."""

import csv

import numpy as np
import pytest

from symgrad.codegen.runtime import columns as columns_
from symgrad.codegen.runtime import tables
from symgrad.codegen.runtime.records import DataSpec
from symgrad.codegen.runtime.tables import _read_examples, _write_predictions

VECTOR, LABEL = DataSpec("X", ("D",)), DataSpec("y", (), classes="C")
SIMPLEX, NUMBER = DataSpec("y", ("C",), simplex=True), DataSpec("y", ())
IMAGE, WEIGHT = DataSpec("X", ("H", "W")), DataSpec("w", ())
SEQUENCE = DataSpec("t", ("T",), classes=3)


def read(monkeypatch, tmp_path, specs, text, *, names=None, sizes=(), columns=(), classes=None):
    monkeypatch.setattr(tables, "DATA", specs)
    monkeypatch.setattr(columns_, "DATA", specs)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    wanted = names or [spec.name for spec in specs]
    return _read_examples("t.csv", wanted, dict(sizes), dict(columns), classes)


X2 = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("specs", "text", "expected"),
    [
        # by number, in their order, wherever they stand
        ((VECTOR, NUMBER), "y,x2,x1\n5,2,1\n6,4,3\n", [X2, [5, 6]]),
        ((VECTOR, NUMBER), "X[0],X[1],y\n1,2,5\n3,4,6\n", [X2, [5, 6]]),
        ((VECTOR, NUMBER), "X_1,X_2,id,y\n1,2,9,5\n3,4,9,6\n", [X2, [5, 6]]),
        # all that are left
        ((VECTOR, NUMBER), "a,y,b\n1,5,2\n3,6,4\n", [X2, [5, 6]]),
        ((VECTOR, NUMBER, WEIGHT), "a,y,w,b\n1,5,7,2\n3,6,8,4\n", [X2, [5, 6], [7, 8]]),
        ((DataSpec("X", (1,)), NUMBER), "x,y\n1,5\n3,6\n", [[[1], [3]], [5, 6]]),
        # labels, and vectors of probabilities
        ((VECTOR, LABEL), "a,b,y\n1,2,1\n3,4,0.0\n", [X2, [1, 0]]),
        ((VECTOR, SIMPLEX), "a,b,y\n1,2,1\n3,4,0\n", [X2, [[0, 1], [1, 0]]]),
        ((VECTOR, SIMPLEX), "a,b,y1,y2\n1,2,.25,.75\n3,4,1,0\n", [X2, [[0.25, 0.75], [1, 0]]]),
        ((SEQUENCE,), "t1,t2,t3\n0,1,2\n2,1,0\n", [[[0, 1, 2], [2, 1, 0]]]),
        # more axes, row by row
        ((IMAGE,), "x[0,1];x[0,0];x[1,0];x[1,1]\n2;1;3;4\n", [[[[1, 2], [3, 4]]]]),
        ((IMAGE,), "a,b,c,d\n1,2,3,4\n", [[[[1, 2], [3, 4]]]]),
        # how tables are written elsewhere
        ((VECTOR, NUMBER), "\ufeffa;b;y\r\n1;2;5\r\n\r\n3;4;6\r\n", [X2, [5, 6]]),
        ((VECTOR, NUMBER), 'a\tb\t y \n"1"\t 2\t5\n3\t4e0\t+6', [X2, [5, 6]]),
    ],
)
def test_the_columns_of_an_argument(monkeypatch, tmp_path, specs, text, expected):
    found = read(monkeypatch, tmp_path, specs, text, sizes={"H": 2})
    for array, wanted, spec in zip(found.arrays, expected, specs, strict=True):
        np.testing.assert_array_equal(array, wanted)
        assert array.dtype == (np.float32 if spec.classes is None else np.int64)


IRIS = "length,width,species\n1,2,setosa\n3,4,versicolor\n5,6,setosa\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"y": "species"}, [[1, 2], [3, 4], [5, 6]]),
        ({"Y": "species", "x": "width,length"}, [[2, 1], [4, 3], [6, 5]]),
        ({"y": "species", "X": "length..width"}, [[1, 2], [3, 4], [5, 6]]),
    ],
)
def test_columns_of_other_names(monkeypatch, tmp_path, columns, expected):
    found = read(monkeypatch, tmp_path, (VECTOR, LABEL), IRIS, columns=columns)
    np.testing.assert_array_equal(found.arrays[0], expected)
    assert found.columns["y"] == ("species",)


def test_classes_are_numbered_in_sorted_order_and_stay_so(monkeypatch, tmp_path):
    columns = {"y": "species"}
    for spec, expected in ((LABEL, [0, 1, 0]), (SIMPLEX, [[1, 0], [0, 1], [1, 0]])):
        found = read(monkeypatch, tmp_path, (VECTOR, spec), IRIS, columns=columns)
        np.testing.assert_array_equal(found.arrays[1], expected)
        assert found.classes == {"y": ("setosa", "versicolor")}
    # A file with other classes than the model was trained with:
    known = {"y": ("iris", "setosa", "versicolor")}
    found = read(monkeypatch, tmp_path, (VECTOR, LABEL), IRIS, columns=columns, classes=known)
    np.testing.assert_array_equal(found.arrays[1], [1, 2, 1])
    for classes, expected in ((known, "one of the classes iris, setosa"), ({}, "an integer label")):
        text = IRIS.replace("versicolor", "tulip").replace("setosa", "1" if not classes else "iris")
        with pytest.raises(
            ValueError,
            match=rf"t.csv, row 3, column species: 'tulip' was given; expected {expected}",
        ):
            read(monkeypatch, tmp_path, (VECTOR, LABEL), text, columns=columns, classes=classes)


def test_labels_as_text_in_an_archive(monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "DATA", (VECTOR, SIMPLEX))
    np.savez(tmp_path / "t.npz", X=np.eye(3), y=np.array(["b", "a", "b"]))
    found = _read_examples(tmp_path / "t.npz", ["X", "y"], {}, {})
    np.testing.assert_array_equal(found.arrays[1], [[0, 1], [1, 0], [0, 1]])
    assert found.classes == {"y": ("a", "b")}
    # What is not asked for is not looked at.
    np.savez(tmp_path / "o.npz", X=np.eye(3), note=np.array([None]))
    assert _read_examples(tmp_path / "o.npz", ["X"], {}, {}).classes == {}
    with pytest.raises(ValueError, match=r"o.npz has no array y; it has X, note\."):
        _read_examples(tmp_path / "o.npz", ["y"], {}, {})
    with pytest.raises(ValueError, match=r"t.npz, y\[0\]: 'b' was given; expected one of the cl"):
        _read_examples(tmp_path / "t.npz", ["y"], {}, {}, {"y": ("a", "c")})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b,y\n1,2,0\n1,abc,0\n", "t.csv, row 3, column b: 'abc' is no finite number."),
        ("a,b,y\n\n1,2,0\n1,,0\n", "t.csv, row 4, column b: the cell is empty."),
        ("a,b,y\n1,2,0\nnan,3,0\n", "t.csv, row 3, column a: 'nan' is no finite number."),
        ("a,b,y\n1,2,0\n1e99,3,0\n", "t.csv, row 3, column a: '1e99' is no finite number."),
        ("a,b,y\n1,2,0\n1,3, \n", "t.csv, row 3, column y: the cell is empty; expected a class."),
        ("a,b,y\n1,2,0\n1,3\n", "t.csv, row 3 has 2 cells; expected 3, one for each column of"),
        ("a,b,y\n1,2,0\n1,3,0,4\n", "t.csv, row 3 has 4 cells; expected 3"),
        ("a,b,a\n1,2,0\n", "t.csv has two columns 'a'; give each its own name."),
        ("a,b,c\n1,2,0\n", "t.csv has no column y; its columns are a, b, c. Say which it is with "),
        ("y,x1,x3\n1,2,0\n", "t.csv has columns of X, but none for X[2]; number them from 0 or 1"),
        ("y,x2,x3\n1,2,0\n", "t.csv has columns of X, but none for X[1]; number them from 0 or 1"),
        ('y,"x[0,1]","x[1,0]"\n1,2,0\n', "t.csv has columns of X, but none for X[0,0]"),
        ("y,x1,x_1\n1,2,0\n", "t.csv has columns of X, but two for X[1]; number them from 0"),
        ("y,x1,x99999999999\n1,2,0\n", "t.csv has columns of X, but none for X[2]"),
        ("y\n0\n", "t.csv has no column X; its columns are y."),
        ("a,y\n", "t.csv has no rows below its header."),
        ("", "t.csv is empty; expected a header row and one example a row."),
        ('a,y\n"1,2\n', "t.csv is no .csv table: unexpected end of data."),
    ],
)
def test_bad_tables_have_a_sentence_that_says_where(monkeypatch, tmp_path, text, sentence):
    with pytest.raises(ValueError) as error:
        read(monkeypatch, tmp_path, (VECTOR, LABEL), text)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("specs", "options", "sentence"),
    [
        ((VECTOR,), {"sizes": {"D": 2}}, "t.csv has 3 columns for X (length, width, species); exp"),
        ((IMAGE,), {}, "X is (H, W), which 3 columns of t.csv do not determine; give --dims W=…"),
        ((IMAGE,), {"sizes": {"H": 2}}, "t.csv has 3 columns for X (length, width, species); exp"),
        (
            (VECTOR,),
            {"columns": {"z": "width"}},
            "--columns names z, which is no data argument; gi",
        ),
        ((VECTOR,), {"columns": {"X": "a"}}, "t.csv has no column 'a'; its columns are length, w"),
        ((VECTOR,), {"columns": {"X": "a..b..c"}}, "t.csv has no column 'a..b..c'; its columns a"),
        (
            (SIMPLEX,),
            {"columns": {"y": "width"}, "sizes": {"C": 5}},
            "y has the label 6; expected 0",
        ),
        (
            (SEQUENCE,),
            {"columns": {"t": "species"}},
            "t.csv, row 2, column species: 'setosa' is no",
        ),
        (
            (DataSpec("y", (1,), simplex=True),),
            {"columns": {"y": "species"}},
            "y has 2 classes: setosa, versicolor; expected 1.",
        ),
        (
            (NUMBER,),
            {"columns": {"y": "length,width"}},
            "t.csv has 2 columns for y (length, width)",
        ),
    ],
)
def test_tables_that_do_not_fit(monkeypatch, tmp_path, specs, options, sentence):
    with pytest.raises(ValueError) as error:
        read(monkeypatch, tmp_path, specs, IRIS, **options)
    assert str(error.value).startswith(sentence)


def test_files_that_cannot_be_read(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.csv does not exist\.$"):
        _read_examples("none.csv", ["X"], {}, {})
    (tmp_path / "latin.csv").write_bytes(b"X1,Y\n1,\xe9\n")
    with pytest.raises(ValueError, match=r"latin.csv is no text in UTF-8, see its byte \d\."):
        _read_examples(tmp_path / "latin.csv", ["X", "Y"], {}, {})


@pytest.mark.parametrize("names", ["012", "pqr"])
def test_numbers_are_those_of_python(monkeypatch, tmp_path, names):
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    body = [[*map(repr, row), f" {names[k % 3]}"] for k, row in enumerate(values.tolist())]
    text = "a,b,c,y\n" + "".join(",".join(row) + "\n" for row in body)
    for spec in (LABEL, SIMPLEX):
        found = read(monkeypatch, tmp_path, (VECTOR, spec), text)
        np.testing.assert_array_equal(found.arrays[0], values)
        labels = found.arrays[1] if spec is LABEL else found.arrays[1].argmax(axis=1)
        np.testing.assert_array_equal(labels, np.arange(50) % 3)
    bad = text.replace(text.splitlines()[40], "1,2,x,0")
    with pytest.raises(ValueError, match="row 41, column c: 'x' is no finite"):
        read(monkeypatch, tmp_path, (VECTOR, LABEL), bad)


def test_what_numpy_reads_is_a_sound_table(monkeypatch, tmp_path):
    sound = "x1,x2,y,note\n1,2,0,a\n\n3,4,1,b\n"
    for text, sentence in [
        (sound, None),
        (sound.replace("4", '" 4"'), None),
        (sound.replace("a", '"a, ""b\n#"'), None),
        (sound.replace("note", "#"), None),
        (sound.replace("1,b", "1.5,b"), "row 4, column y: '1.5' was given; expected an integer"),
        (sound.replace("1,b", ",b"), "row 4, column y: the cell is empty; expected a class"),
        (sound.replace("4,1", "4e99,1"), "row 4, column x2: '4e99' is no finite number"),
        (sound.replace("4,1", "nan,1"), "row 4, column x2: 'nan' is no finite number"),
        (sound.replace("4,1", ",1"), "row 4, column x2: the cell is empty"),
        (sound.replace("4", "1_0"), "cannot be read: could not convert string '1_0'"),
        (sound.replace("4,1", "4,5,1"), "row 4 has 5 cells; expected 4"),
        (sound.replace(",a\n", ",a,7\n").replace(",b\n", ",b,7\n"), "row 2 has 5 cells; expected"),
        (sound.replace(",a\n", "\n").replace(",b\n", "\n"), "row 2 has 3 cells; expected 4"),
        (sound.replace("b\n", '"b\n'), "is no .csv table"),
        ("x1,x2,y\n", "has no rows below its header"),
    ]:
        specs = (DataSpec("x", (2,)), LABEL)
        known = {"y": ()} if sentence and "integer" in sentence else None
        if sentence is None:
            found = read(monkeypatch, tmp_path, specs, text, classes=known)
            np.testing.assert_array_equal(found.arrays[0], [[1, 2], [3, 4]])
            continue
        with pytest.raises(ValueError) as caught:
            read(monkeypatch, tmp_path, specs, text, classes=known)
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "target", "classes", "header"),
    [
        ((3, 2), "y", ("no", "a,b"), ["y", "no", "a,b"]),
        ((3, 2), "y", (), ["y", "prediction[0]", "prediction[1]"]),
        ((3,), None, (), ["prediction"]),
        ((3, 1, 2), None, (), ["prediction[0,0]", "prediction[0,1]"]),
    ],
)
def test_predictions_as_a_table(tmp_path, shape, target, classes, header):
    predictions = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    path = tmp_path / "p.CSV"
    _write_predictions(path, predictions, target, classes)
    with open(path, encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    assert names == header
    if target is not None:
        best = [row.pop(0) for row in rows]
        assert best == [str(classes[k]) if classes else str(k) for k in predictions.argmax(1)]
    numbers = np.array(rows, np.float32).reshape(shape)
    np.testing.assert_array_equal(numbers, predictions)  # no digit is lost


def test_predictions_as_an_archive(tmp_path):
    _write_predictions(tmp_path / "p.npz", np.arange(3), None, ())
    np.testing.assert_array_equal(np.load(tmp_path / "p.npz")["predictions"], np.arange(3))
