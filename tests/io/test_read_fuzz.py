"""Whatever a file holds: an aligned table, or an error that names the file.

The long run is ten thousand cases; the quick one keeps two hundred of them.
"""

import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from skomics._compat import unpulled
from skomics.exceptions import SampleAlignmentError
from skomics.io import load_folder, read_labels, read_omics
from skomics.io._text import CellError

QUICK = {"text": 80, "bytes": 40, "binary": 20, "folder": 40, "labels": 20}
FACTOR = 50  # ten thousand cases in all
LABELS = b"sample,label\np0,LumA\np1,Basal\np2,LumA\np3,LumA\n"


def profile(kind, factor):
    return settings(
        max_examples=QUICK[kind] * factor,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def in_both_lengths(kind, **strategies):
    """Run a property quickly, and ten thousand cases in all where time allows."""

    def decorate(check):
        @pytest.mark.parametrize(
            "factor", [1, pytest.param(FACTOR, marks=pytest.mark.slow)]
        )
        def test(tmp_path, factor):
            counts = {"read": 0, "refused": 0}

            @profile(kind, factor)
            @given(**strategies)
            def run(**values):
                counts["read" if check(tmp_path, **values) else "refused"] += 1

            run()
            assert sum(counts.values()) >= QUICK[kind] * factor
            # A fuzz that never reaches a table, or never an error, tests little.
            assert min(counts.values()) > 0, counts
            print(counts)

        return test

    return decorate


def read_or_refuse(names, read):
    """Return what was read, or None for an error as it is promised."""
    refusal = None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*lacks .* samples")
        warnings.filterwarnings("ignore", message=".*holds text only")
        warnings.filterwarnings("ignore", message=".*has labels that say")
        warnings.filterwarnings("ignore", message=".*only count its")
        warnings.filterwarnings("ignore", message=".*has nothing in its last")
        warnings.filterwarnings("ignore", message=".*another that differs only")
        warnings.filterwarnings("ignore", message=".*the last column is empty")
        try:
            return read()
        except (FileNotFoundError, ValueError) as error:
            refusal = error
    is_ours = type(refusal) in (FileNotFoundError, ValueError, SampleAlignmentError)
    assert is_ours or isinstance(refusal, CellError), repr(refusal)
    # A file by its name, or a table of a folder by the name of its modality.
    marks = [mark for name in names for mark in (name, f"'{Path(name).stem}'")]
    assert any(mark in str(refusal) for mark in marks), repr(refusal)
    return None


def check_table(X):
    if X is None:
        return False
    if not isinstance(X, pd.DataFrame):
        assert not np.isinf(X.X.data).any()
        X = pd.DataFrame(np.zeros(X.shape), X.obs_names, X.var_names)
    assert (X.dtypes == np.float64).all()
    assert not np.isinf(X.to_numpy()).any()
    assert X.index.is_unique
    assert X.columns.is_unique
    assert not X.index.hasnans
    assert min(X.shape) > 0
    return True


NAMES = st.sampled_from(
    ["p1", "p2", "p3", "TP53", "EGFR", "MYC", "cg00000029", "hsa-mir-21", "sample"]
    + ["TCGA-AA-0001-01", "tcga.aa.0001.01", "Hugo_Symbol", "007", "", "NA", "x y"]
    + ["#x", '"', "1.5", "é", "\ufeff", "gene", "=1+1"]
)
CELLS = st.one_of(
    st.floats(-10, 10).map(str),
    st.sampled_from(
        ["", "NA", "NaN", "inf", "-Inf", "1e400", "9" * 400, "1_0", "TRUE", "0x1"]
        + [
            "abc",
            '"1"',
            '"',
            "1,5",
            " 1 ",
            "\t",
            "1e-400",
            "\u0663",
            "--",
            "1\r2",
            "\0",
        ]
    ),
    st.text(max_size=4),
)


@st.composite
def tables(draw, seps=(",",)):
    """Draw a table that is mostly right, written as text."""
    sep = draw(st.sampled_from(seps))
    good = draw(st.booleans())
    n_rows = draw(st.integers(1 if good else 0, 4))
    n_columns = draw(st.integers(1 if good else 0, 4))
    cells = st.floats(-10, 10).map(str) if good else CELLS
    columns = ["TP53", "EGFR", "MYC", "KRAS"][:n_columns]
    rows = [["patient_id", *columns]]
    rows += [[f"p{i}", *(draw(cells) for _ in columns)] for i in range(n_rows)]
    for _ in range(0 if good else draw(st.integers(0, 3))):
        mutate_rows(draw, rows)
    quote = draw(st.sampled_from(["", "", '"']))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    return end.join(
        sep.join(f"{quote}{cell}{quote}" for cell in row) for row in rows
    ) + draw(st.sampled_from(["", end, end * 2]))


def mutate_rows(draw, rows):
    """Break one thing: a name, the length of a row, or the rows there are."""
    i = draw(st.integers(0, len(rows) - 1)) if rows else None
    kind = draw(st.sampled_from(["name", "header", "short", "long", "twice", "drop"]))
    if i is None:
        return
    if kind == "name" and rows[i]:
        rows[i][0] = draw(NAMES)
    elif kind == "header" and rows[0]:
        rows[0][draw(st.integers(0, len(rows[0]) - 1))] = draw(NAMES)
    elif kind == "short":
        rows[i] = rows[i][:-1]
    elif kind == "long":
        rows[i] = [*rows[i], draw(CELLS)]
    elif kind == "twice":
        rows.append(list(rows[i]))
    elif kind == "drop":
        del rows[i]


@st.composite
def mutated(draw, content):
    """Cut, overwrite, insert or repeat bytes."""
    content = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["cut", "set", "insert", "repeat"]))
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        more = draw(st.binary(min_size=1, max_size=4))
        if kind == "cut":
            del content[at:]
        elif kind == "set":
            content[at : at + len(more)] = more
        elif kind == "insert":
            content[at:at] = more
        else:
            content[at:at] = content[at : at + 20]
    return bytes(content)


TEXT_NAMES = st.sampled_from(["zq.txt", "zq_table", "zq.dat.gz", "zq.csv", "zq.tsv"])
ORIENTATIONS = st.sampled_from(["auto", "samples", "features"])


@in_both_lengths(
    "text",
    text=tables([",", ",", "\t", " ", ";"]),
    name=TEXT_NAMES,
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "latin-1"]),
    orientation=ORIENTATIONS,
    header=st.sampled_from([True, True, False]),
    repeated=st.sampled_from(["error", "first", "mean"]),
)
def test_tables_of_text(tmp_path, text, name, encoding, **options):
    file = tmp_path / name
    file.write_bytes(text.encode(encoding, "replace"))
    return check_table(read_or_refuse([file.name], lambda: read_omics(file, **options)))


@in_both_lengths(
    "bytes",
    content=tables().flatmap(lambda text: mutated(text.encode("utf-8", "replace"))),
    is_packed=st.booleans(),
    orientation=ORIENTATIONS,
    damage=st.integers(0, 60),
    encoding=st.sampled_from(["utf-8", "utf-8", "latin-1", "ascii", "utf-7", "utf-16"]),
)
def test_bytes_of_text(tmp_path, content, is_packed, orientation, damage, encoding):
    file = tmp_path / "zq.csv"
    if is_packed:
        content = gzip.compress(content)
        content = content[: len(content) - damage] if damage > 30 else content
    file.write_bytes(content)
    return check_table(
        read_or_refuse(
            [file.name],
            lambda: read_omics(file, orientation=orientation, encoding=encoding),
        )
    )


def binary_files():
    """Return small files of each binary format."""
    anndata, mudata = pytest.importorskip("anndata"), pytest.importorskip("mudata")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {"TP53": [1.0, np.nan], "EGFR": [2.0, 3.0]}, index=["p1", "p2"]
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    files = {"zq.parquet": buffer.getvalue()}
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_matrix(frame.fillna(0.0)))
    return files | {"zq.npz": buffer.getvalue()}, frame, anndata, mudata


@pytest.fixture(scope="module")
def binaries(tmp_path_factory):
    files, frame, anndata, mudata = binary_files()
    folder = tmp_path_factory.mktemp("binary")
    anndata.AnnData(frame).write_h5ad(folder / "zq.h5ad")
    with unpulled(mudata):
        mudata.MuData({"rna": anndata.AnnData(frame)}).write(folder / "zq.h5mu")
    for name in ("zq.h5ad", "zq.h5mu"):
        files[name] = (folder / name).read_bytes()
    return files


@pytest.mark.parametrize("factor", [1, pytest.param(FACTOR, marks=pytest.mark.slow)])
def test_binary_files(tmp_path, binaries, factor):
    (tmp_path / "zq_features.txt").write_text("TP53\nEGFR\n")
    counts = {"read": 0, "refused": 0}

    @profile("binary", factor)
    @given(name=st.sampled_from(sorted(binaries)), data=st.data())
    def run(name, data):
        file = tmp_path / name
        file.write_bytes(data.draw(mutated(binaries[name])))
        X = read_or_refuse([file.name], lambda: read_omics(file, ids=["p1", "p2"]))
        counts["read" if check_table(X) else "refused"] += 1

    run()
    assert sum(counts.values()) >= QUICK["binary"] * factor
    assert min(counts.values()) > 0, counts
    print(counts)


LAYOUTS = [
    {"labels.csv": LABELS, "rna.csv": b"id,x\np0,1\np1,2\np2,3\np3,NA\n"},
    {
        "labels_tr.csv": b"1.0\n0.0\n",
        "labels_te.csv": b"1.0\n",
        "1_tr.csv": b"0.5,1e-1\n2,3\n",
        "1_te.csv": b"0.5,1e-1\n",
        "1_featname.csv": b"TP53\nEGFR\n",
    },
    {
        "clusters.txt": b'"subjects"\t"cluster.id"\n"1"\t"s1"\t4\n"2"\t"s2"\t1\n',
        "omics1.txt": b"probe\ts1\ts2\ncg1\t0.5\t0.25\n",
    },
]


@in_both_lengths(
    "folder",
    layout=st.sampled_from(LAYOUTS),
    join=st.sampled_from(["outer", "inner", "exact"]),
    data=st.data(),
)
def test_folders(tmp_path, layout, join, data):
    for file in tmp_path.iterdir():
        file.unlink()
    broken = data.draw(st.sampled_from(sorted(layout)))
    contents = st.one_of(
        mutated(layout[broken]),
        mutated(layout[broken]),
        tables().map(lambda text: text.encode("utf-8", "replace")),
    )
    files = layout | {broken: data.draw(contents)}
    for file, content in files.items():
        Path(tmp_path, file).write_bytes(content)
    names = [*files, tmp_path.name, "omics_1"]
    result = read_or_refuse(names, lambda: load_folder(tmp_path, join=join))
    if result is None:
        return False
    X, y = result
    assert X.index.equals(y.index)
    return check_table(X)


@in_both_lengths(
    "labels",
    text=st.one_of(
        tables().map(lambda text: text.encode("utf-8", "replace")), mutated(LABELS)
    ),
    missing=st.sampled_from(["error", "drop"]),
    header=st.booleans(),
)
def test_labels(tmp_path, text, missing, header):
    file = tmp_path / "labels.csv"
    file.write_bytes(text)
    y = read_or_refuse(
        [file.name], lambda: read_labels(file, missing=missing, header=header)
    )
    if y is None:
        return False
    assert y.index.is_unique
    assert y.notna().all()
    assert len(y) > 0
    return True
