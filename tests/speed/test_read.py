"""Reading text against pandas' own reader, of the same file in one run."""

import gzip
from functools import partial

import numpy as np
import pandas as pd
import pytest

from skomics.io import read_omics
from tests.speed.test_speed import best_ratio

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]


def write(file, n_rows, n_columns, sep):
    """Write numbers of all their digits, a tenth of them again and again."""
    values = np.random.default_rng(0).normal(size=(n_rows // 10, n_columns))
    texts = [sep.join(map(repr, row.tolist())) for row in values]
    # Packing well would take a minute.
    opener = partial(gzip.open, compresslevel=1) if file.suffix == ".gz" else open
    with opener(file, mode="wt") as lines:
        lines.write(sep.join(["sample", *(f"x{i}" for i in range(n_columns))]) + "\n")
        for i in range(n_rows):
            lines.write(f"p{i}{sep}{texts[i % len(texts)]}\n")
    return np.tile(values, (10, 1))


@pytest.mark.parametrize(
    ("name", "n_rows", "n_columns", "sep", "orientation"),
    [
        ("wide.tsv", 100, 60_000, "\t", "samples"),
        ("tall.tsv", 60_000, 100, "\t", "features"),
        ("packed.csv.gz", 500, 20_000, ",", "samples"),
    ],
)
def test_text_is_read_in_1_5_times_the_time_of_pandas(
    tmp_path, name, n_rows, n_columns, sep, orientation
):
    pytest.importorskip("pyarrow")
    file = tmp_path / name
    values = write(file, n_rows, n_columns, sep)
    ratio = best_ratio(
        lambda: read_omics(file, orientation=orientation),
        lambda: pd.read_csv(file, sep=sep, index_col=0),
        bound=1.5,
        repeats=1 if file.suffix == ".gz" else 2,
    )
    assert ratio <= 1.5
    X = read_omics(file, orientation=orientation).to_numpy()
    np.testing.assert_array_equal(X, values if orientation == "samples" else values.T)
