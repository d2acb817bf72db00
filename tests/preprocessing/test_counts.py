"""Promises of the normalizers of counts and beta values."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator
from skomics.datasets import make_multiomics
from skomics.preprocessing import (
    AtacTfidfTransformer,
    CLRTransformer,
    LibrarySizeNormalizer,
    MValueTransformer,
)
from tests.memory import print_of

COUNTS = np.array([[1.0, 3.0, 0.0], [2.0, 0.0, 6.0], [0.0, 0.0, 0.0]])
OF_COUNTS = [
    LibrarySizeNormalizer(),
    LibrarySizeNormalizer(log1p=False),
    CLRTransformer(),
    CLRTransformer(per="feature"),
    AtacTfidfTransformer(),
]
ALL = [*OF_COUNTS, MValueTransformer()]
per_transformer = pytest.mark.parametrize("transformer", OF_COUNTS, ids=repr)
per_any = pytest.mark.parametrize("transformer", ALL, ids=repr)

tables = arrays(np.float64, (6, 4), elements=st.integers(0, 50).map(float))


def _input(transformer, table):
    return table / 50 if isinstance(transformer, MValueTransformer) else table


def _with_counts(table):
    return table + np.eye(*table.shape)


def test_library_sizes_become_the_median_of_the_training_samples():
    # Sums 4, 8 and 0; the empty sample does not count.
    normalizer = LibrarySizeNormalizer(log1p=False).fit(COUNTS)
    assert normalizer.target_sum_ == 6.0
    expected = [[1.5, 4.5, 0.0], [1.5, 0.0, 4.5], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(normalizer.transform(COUNTS), expected)


def test_a_given_library_size_is_used_and_logs_are_taken():
    found = LibrarySizeNormalizer(target_sum=1e4).fit_transform(COUNTS)
    expected = np.log(1 + 1e4 * np.array([[0.25, 0.75, 0.0], [0.25, 0.0, 0.75]]))
    np.testing.assert_allclose(found[:2], expected)
    assert not found[2].any()


def test_log_ratios_are_those_of_the_sample_or_of_the_feature():
    logs = np.log(1 + COUNTS)
    per_sample = np.log(1 + COUNTS / np.exp(logs.mean(axis=1, keepdims=True)))
    per_feature = np.log(1 + COUNTS / np.exp(logs.mean(axis=0)))
    np.testing.assert_allclose(CLRTransformer().fit_transform(COUNTS), per_sample)
    transformer = CLRTransformer(per="feature")
    np.testing.assert_allclose(transformer.fit_transform(COUNTS), per_feature)
    np.testing.assert_allclose(transformer.geometric_means_, np.exp(logs.mean(axis=0)))


def test_tfidf_is_the_log_of_the_weighted_frequency():
    transformer = AtacTfidfTransformer(scale=100.0).fit(COUNTS)
    np.testing.assert_allclose(transformer.idf_, [3 / 3, 3 / 3, 3 / 6])
    expected = np.log(1 + 100 * np.array([[0.25, 0.75, 0.0], [0.25, 0.0, 0.375]]))
    np.testing.assert_allclose(transformer.transform(COUNTS)[:2], expected)


def test_a_peak_without_training_counts_stays_zero():
    transformer = AtacTfidfTransformer().fit([[1.0, 0.0], [2.0, 0.0]])
    np.testing.assert_array_equal(transformer.transform([[0.0, 5.0]]), [[0.0, 0.0]])


def test_m_values_are_binary_logits_and_go_back():
    betas = np.array([[0.0, 0.5, 0.8, 1.0]])
    transformer = MValueTransformer(offset=0.01).fit(betas)
    found = transformer.transform(betas)
    expected = np.log2((betas + 0.01) / (1 - betas + 0.01))
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(transformer.inverse_transform(found), betas, atol=1e-12)


@given(tables)
def test_m_values_go_back_to_any_beta_value(table):
    transformer = MValueTransformer().fit(table / 50)
    back = transformer.inverse_transform(transformer.transform(table / 50))
    np.testing.assert_allclose(back, table / 50, atol=1e-12)


def test_m_values_without_offset_are_infinite_at_the_ends():
    found = MValueTransformer(offset=0.0).fit_transform([[0.0, 1.0]])
    np.testing.assert_array_equal(found, [[-np.inf, np.inf]])


@per_any
@given(table=tables, order=st.permutations(range(6)))
def test_samples_in_another_order_give_the_same_numbers(transformer, table, order):
    table = _input(transformer, _with_counts(table).clip(0, 50))
    found = transformer.fit(table[list(order)]).transform(table)
    np.testing.assert_allclose(found, transformer.fit_transform(table), rtol=1e-12)


@per_any
@given(table=tables, row=st.integers(0, 5))
def test_a_sample_does_not_depend_on_its_company(transformer, table, row):
    table = _input(transformer, _with_counts(table).clip(0, 50))
    whole = transformer.fit(table).transform(table)
    alone = transformer.transform(table[[row]])
    np.testing.assert_array_equal(alone[0], whole[row])


@pytest.mark.parametrize(
    "transformer",
    [LibrarySizeNormalizer(), CLRTransformer(per="feature"), AtacTfidfTransformer()],
    ids=repr,
)
def test_what_is_learned_comes_from_the_training_samples_only(transformer):
    rng = np.random.default_rng(0)
    train, new = rng.poisson(3.0, (20, 4)), rng.poisson(30.0, (20, 4))
    transformer.fit(train)
    before = transformer.transform(train)
    transformer.transform(new)
    np.testing.assert_array_equal(transformer.transform(train), before)
    found = transformer.transform(new)
    assert not np.allclose(found, transformer.fit(new).transform(new))


@per_transformer
@pytest.mark.parametrize("family", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_counts_stay_sparse_with_the_same_numbers(transformer, family, dtype):
    matrix = family(COUNTS.astype(dtype))
    found = transformer.fit_transform(matrix)
    assert sparse.issparse(found)
    assert found.dtype == dtype
    assert found.nnz == matrix.nnz
    dense = transformer.fit_transform(COUNTS)
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-6)
    np.testing.assert_array_equal(matrix.toarray(), COUNTS)


@per_any
def test_callers_numbers_stay_as_they_are(transformer):
    table = _input(transformer, COUNTS).copy()
    before = table.copy()
    transformer.fit_transform(table)
    np.testing.assert_array_equal(table, before)


@per_any
def test_names_of_features_and_samples_are_kept(transformer):
    X = pd.DataFrame(_input(transformer, COUNTS), ["p", "q", "r"], ["A", "B", "C"])
    transformer = type(transformer)().set_output(transform="pandas")
    found = transformer.fit_transform(X)
    assert found.columns.tolist() == ["A", "B", "C"]
    assert found.index.tolist() == ["p", "q", "r"]
    assert transformer.get_feature_names_out().tolist() == ["A", "B", "C"]


@per_any
def test_single_precision_is_kept(transformer):
    table = _input(transformer, COUNTS).astype(np.float32)
    assert transformer.fit_transform(table).dtype == np.float32


def test_omics_are_normalized_each_in_its_own_way_and_stay_sparse():
    pytest.importorskip("anndata")
    X, _ = make_multiomics(
        50, {"rna": 60, "atac": 500}, distribution="counts", random_state=0
    )
    scaler = StandardScaler(with_mean=False)
    concatenator = OmicsConcatenator(
        {
            "rna": make_pipeline(LibrarySizeNormalizer(), scaler),
            "atac": make_pipeline(AtacTfidfTransformer(), scaler),
        }
    )
    Xt = concatenator.fit_transform(X)
    assert sparse.issparse(Xt.X)
    assert Xt.X.nnz == X.X.nnz
    assert Xt.var_names.tolist() == X.var_names.tolist()


@per_transformer
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_negative_counts_are_refused(transformer, container):
    bad = COUNTS.copy()
    bad[0, 0] = -1.5
    message = (
        f"Negative values in data passed to {type(transformer).__name__}: 1 of 9, the "
        "lowest -1.5, but counts are at least 0. Give raw counts"
    )
    with pytest.raises(ValueError, match=message):
        transformer.fit(container(bad))
    transformer.fit(COUNTS)
    with pytest.raises(ValueError, match="Negative values"):
        transformer.transform(container(bad))


@per_transformer
def test_missing_counts_are_refused(transformer):
    with pytest.raises(ValueError, match="contains NaN"):
        transformer.fit([[1.0, np.nan], [2.0, 1.0]])


def test_a_table_of_zeros_has_no_library_size():
    with pytest.raises(ValueError, match="All counts of the 3 samples are 0, so the"):
        LibrarySizeNormalizer().fit(np.zeros((3, 2)))
    assert LibrarySizeNormalizer(1e4).fit(np.zeros((3, 2))).target_sum_ == 1e4


def test_values_that_are_no_beta_values_are_refused_or_clipped():
    table = np.array([[0.5, -0.1], [1.2, 0.5]])
    message = re.escape("2 of 4 values lie outside [0, 1], from -0.1 to 1.2, but beta")
    with pytest.raises(ValueError, match=message):
        MValueTransformer().fit(table)
    with pytest.raises(ValueError, match=message):
        MValueTransformer().fit([[0.5, 0.5]]).transform(table)
    found = MValueTransformer(clip=True).fit_transform(table)
    np.testing.assert_array_equal(
        found, MValueTransformer().fit_transform(table.clip(0, 1))
    )


def test_missing_beta_values_stay_missing():
    found = MValueTransformer().fit_transform([[0.5, np.nan], [0.5, 0.5]])
    np.testing.assert_array_equal(np.isnan(found), [[False, True], [False, False]])


def test_sparse_beta_values_are_refused():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        MValueTransformer().fit(sparse.csr_matrix(COUNTS / 6))


@pytest.mark.parametrize(
    ("transformer", "name"),
    [
        (LibrarySizeNormalizer(target_sum=0), "target_sum"),
        (LibrarySizeNormalizer(log1p="yes"), "log1p"),
        (CLRTransformer(per="row"), "per"),
        (AtacTfidfTransformer(scale=-1), "scale"),
        (MValueTransformer(offset=-1), "offset"),
        (MValueTransformer(clip=2), "clip"),
    ],
)
def test_wrong_parameters_are_named(transformer, name):
    with pytest.raises(ValueError, match=f"The {name!r} parameter of"):
        transformer.fit(COUNTS / 6)


ATAC = """
import sys
import anndata
from scipy import sparse
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skomics import (
    AtacTfidfTransformer, EFNNClassifier, LibrarySizeNormalizer, OmicsConcatenator,
    SMAClassifier,
)
from skomics.io import load_folder

path, name, k = sys.argv[1:]
classifier = {"EFNN": EFNNClassifier, "SMA": SMAClassifier}[name]
rows_made_dense = [0]

def watch(family):
    toarray = family.toarray
    def watched(self, *args, **kwargs):
        # Gram matrices of cells by cells are sparse in form only. A token of SMA that
        # has fewer than two features for each cell is dense beside those that are
        # turned to the span of the cells, whose coordinates are dense.
        is_token = self.shape[1] == 1185 and name == "SMA" and k == "all"
        is_thin = self.nnz < self.shape[0] * self.shape[1] / 2
        if self.shape[1] > 1000 and is_thin and not is_token:
            rows_made_dense.append(self.shape[0])
        return toarray(self, *args, **kwargs)
    family.toarray = watched

watch(sparse.csr_matrix)
watch(sparse.csr_array)
before = peak()
X, y = load_folder(path)
assert X.shape == (2641, 52_761 + 1185) and sparse.issparse(X.X)
select = [] if k == "all" else [SelectKBest(k=int(k))]
scaler = StandardScaler(with_mean=False)
omics = OmicsConcatenator({
    "atac": make_pipeline(AtacTfidfTransformer(), *select, scaler),
    "rna": make_pipeline(LibrarySizeNormalizer(), scaler),
})
model = make_pipeline(omics, classifier(max_epochs=1, random_state=0, device="cpu"))
model.fit(X, y)
fitted = peak() - before
score = model.score(X, y)
print(fitted, peak() - before, max(rows_made_dense), score)
"""


@pytest.mark.slow
@pytest.mark.parametrize("k", ["2000", "all"])
@pytest.mark.parametrize("name", ["EFNN", "SMA"])
def test_52761_peaks_are_fitted_in_little_memory_and_never_dense(data_dir, name, k):
    # The table would be 544 MiB dense in single precision, 1087 MiB in double; the
    # optimizer of EFNN's 27 million weights alone takes 412 MiB.
    pytest.importorskip("anndata")
    fitted, predicted, n_rows, score = print_of(ATAC, data_dir / "scicar_a549", name, k)
    assert fitted < 1500
    assert predicted < 1500
    assert n_rows <= 1024
    assert score > 0.5
    if k == "2000":
        # The path under SMA holds Gram matrices of cells by cells, 53 MiB each.
        assert fitted < (400 if name == "EFNN" else 700)
