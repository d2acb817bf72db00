"""Networks that learn from files, and answer for what is in them."""

import threading
from types import SimpleNamespace

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skomics import (
    EFNNClassifier,
    LFNNClassifier,
    OmicsConcatenator,
    SMAClassifier,
    _stream,
    load_model,
    save_model,
)
from skomics._compat import unpulled
from skomics.datasets import make_intersim, simulate_cells
from skomics.estimators import _resident, _streamed_ridge
from skomics.estimators._resident import StreamedBatches
from skomics.exceptions import SampleAlignmentError
from tests.estimators.quick import CLASSIFIERS, make_short
from tests.memory import print_of

NETWORKS = [cls for cls in CLASSIFIERS if not cls.__name__.startswith("MoG")]
GRAPHS = [cls for cls in CLASSIFIERS if cls.__name__.startswith("MoG")]
every = pytest.mark.parametrize("classifier", NETWORKS, ids=lambda c: c.__name__)
# With a path and without one; what differs elsewhere is in memory, too.
both = pytest.mark.parametrize("classifier", [LFNNClassifier, SMAClassifier])
N_ROWS = 300


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Have several chunks, buffers and blocks of few samples."""
    monkeypatch.setattr(_stream, "_CHUNK", 128 * 700)
    monkeypatch.setattr(_resident, "_BUFFER", 160 * 700)
    monkeypatch.setattr(_resident, "_BLOCK", 8)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Return a table, the same on disk, and labels."""
    X, y = make_intersim(n_samples=N_ROWS, n_clusters=3, random_state=0)
    file = tmp_path_factory.mktemp("cohort") / "x.h5ad"
    names = [f"{omics}__{feature}" for omics, feature in X.columns]
    obs = pd.DataFrame(index=X.index.astype(str))
    values = StandardScaler().fit_transform(X).astype(np.float32)
    table = anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=names))
    table.write_h5ad(file)
    return table, anndata.read_h5ad(file, backed="r"), y.to_numpy()


@every
def test_samples_of_a_file_are_answered_as_those_in_memory(classifier, cohort):
    table, backed, y = cohort
    model = make_short(classifier).fit(table, y)
    for method in ("predict_proba", "decision_function", "predict_log_proba"):
        expected = getattr(model, method)(table)
        found = getattr(model, method)(backed)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert model.predict(backed).tolist() == model.predict(table).tolist()
    assert model.score(backed, y) == model.score(table, y)
    np.testing.assert_allclose(model.embed(backed), model.embed(table), atol=1e-12)


@pytest.mark.parametrize("early_stopping", [False, True])
@every
def test_a_file_teaches_what_its_samples_are(classifier, early_stopping, cohort):
    _, backed, y = cohort
    model = make_short(classifier, early_stopping=early_stopping, max_epochs=8)
    train, test = backed[:200], backed[200:]
    model.fit(train, y[:200])
    assert model.score(test, y[200:]) > 0.9
    again = clone(model).fit(train, y[:200])
    np.testing.assert_array_equal(again.predict_proba(test), model.predict_proba(test))
    assert again.fit_receipt_ == model.fit_receipt_
    receipt = model.fit_receipt_
    assert receipt["reading"] == "from a file, shuffled in blocks"
    assert receipt["n_used"] == 200
    assert receipt["n_held_out"] == (20 if early_stopping else 0)


def test_the_pieces_of_a_first_look_change_nothing(cohort, monkeypatch):
    _, backed, y = cohort
    receipts = []
    for rows in (64, 256):
        monkeypatch.setattr(_stream, "_CHUNK", rows * 700)
        receipts.append(make_short(LFNNClassifier).fit(backed, y).fit_receipt_)
    assert receipts[0] == receipts[1]


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    sizes = {"n_genes": 80, "n_proteins": 20, "n_classes": 3}
    for suffix in ("h5ad", "h5mu"):
        path = folder / f"x.{suffix}"
        simulate_cells(path, 400, order="by_class", random_state=0, **sizes)
    return folder


def test_a_pipeline_reads_counts_of_a_file(cells):
    with unpulled(mudata):
        mdata = mudata.read_h5mu(cells / "x.h5mu", backed="r")
    table = anndata.read_h5ad(cells / "x.h5ad", backed="r")
    y = table.obs["cell_type"].to_numpy()
    probabilities = []
    for X in (table, mdata):
        model = make_pipeline(
            OmicsConcatenator(MaxAbsScaler()), make_short(SMAClassifier)
        )
        probabilities.append(model.fit(X, y).predict_proba(X))
        assert model.score(X, y) > 0.6  # 0.43 are of the first type
    np.testing.assert_array_equal(*probabilities)


def test_files_are_cut_by_cross_validation(cohort):
    _, backed, y = cohort
    model = make_pipeline(
        OmicsConcatenator(StandardScaler()), make_short(EFNNClassifier)
    )
    assert cross_val_score(model, backed, y, cv=3).min() > 0.9


@pytest.mark.parametrize("path", [None, "ridge"])
def test_samples_of_no_weight_are_left_out(cohort, path):
    table, backed, y = cohort
    weights = np.ones(N_ROWS)
    weights[::4] = 0
    kept = np.flatnonzero(weights)
    model = make_short(EFNNClassifier, linear_path=path)
    weighted = clone(model).fit(backed, y, sample_weight=weights)
    part = clone(model).fit(backed[kept], y[kept])
    np.testing.assert_allclose(
        weighted.predict_proba(table), part.predict_proba(table), atol=1e-5
    )
    (left_out,) = weighted.fit_receipt_["samples_left_out"]
    assert left_out["n_samples"] == N_ROWS // 4
    assert left_out["rows"][:3] == [0, 4, 8]
    heavier = clone(model).fit(backed, y, sample_weight=weights + (y == y[0]))
    differs = heavier.decision_function(table) - part.decision_function(table)
    assert np.abs(differs).max() > 0.1


@both
def test_samples_of_a_file_may_lack_modalities(classifier, cohort, tmp_path):
    table, _, y = cohort
    lacking = table.copy()
    lacking.X[np.ix_(np.arange(N_ROWS) % 3 == 0, np.arange(300))] = np.nan
    whole = lacking[:, 367:].copy()  # expression and protein, which all have
    for name, X in (("a", lacking), ("b", whole)):
        X.write_h5ad(tmp_path / f"{name}.h5ad")
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match="NaN") as caught:
        make_short(classifier).fit(backed, y)  # single values of methylation
    assert "from row 0 of the file" in caught.value.__notes__[0]
    lacking.X[np.ix_(np.arange(N_ROWS) % 3 == 0, np.arange(367))] = np.nan
    lacking.write_h5ad(tmp_path / "c.h5ad")
    backed = anndata.read_h5ad(tmp_path / "c.h5ad", backed="r")
    model = make_short(classifier).fit(backed, y)
    assert model.fit_receipt_["omics"][0]["n_lacking"] == N_ROWS // 3
    expected = model.predict_proba(lacking)
    np.testing.assert_allclose(model.predict_proba(backed), expected, atol=1e-12)
    assert model.score(backed, y) > 0.9


@both
def test_a_fit_on_a_file_goes_on_from_its_checkpoint(
    classifier, cohort, tmp_path, monkeypatch
):
    _, backed, y = cohort
    expected = make_short(classifier).fit(backed, y)
    model = make_short(classifier, checkpoint=tmp_path / "fit")

    def end(self, net):
        write(self, net)
        raise KeyboardInterrupt

    from skomics.estimators._checkpoint import TrainingCheckpoint

    write = TrainingCheckpoint.write
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "write", end)
        with pytest.raises(KeyboardInterrupt):
            model.fit(backed, y)
    with pytest.raises(ValueError, match="is of another fit: its data is"):
        model.fit(backed, np.roll(y, 1))
    model.fit(backed, y)
    assert model.fit_receipt_["learned"] == expected.fit_receipt_["learned"]


def test_partial_fit_takes_one_pass_over_a_file(cohort):
    table, backed, y = cohort
    model = make_short(SMAClassifier)
    for _ in range(4):
        for rows in (slice(0, 150), slice(150, 300)):
            model.partial_fit(backed[rows], y[rows], classes=np.unique(y))
    assert model.n_iter_ == 8
    assert model.score(table, y) > 0.9


def test_warm_start_goes_on_from_a_file(cohort):
    table, backed, y = cohort
    model = make_short(SMAClassifier, warm_start=True).fit(table, y)
    before = model.fit_receipt_["learned"]
    model.fit(backed, y)
    assert model.fit_receipt_["continues"] == before
    assert model.n_iter_ == 2 * model.max_epochs


@pytest.mark.parametrize("order", ["given", "weight"])
def test_a_model_of_a_file_is_saved(order, cohort, tmp_path):
    table, backed, y = cohort
    model = make_short(SMAClassifier, token_order=order).fit(backed, y)
    assert not hasattr(model.path_, "oof_decision_function_")  # of all samples
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        loaded.predict_proba(table), model.predict_proba(table)
    )


@pytest.mark.parametrize("classifier", GRAPHS, ids=lambda c: c.__name__)
def test_graph_models_refuse_files_and_name_what_reads_them(classifier, cohort):
    _, backed, y = cohort
    with pytest.raises(ValueError, match=r"all samples, which must be in memory.*SMAC"):
        make_short(classifier).fit(backed, y)


def test_what_is_wrong_with_labels_and_features_is_said(cohort, monkeypatch):
    table, backed, y = cohort
    model = make_short(SMAClassifier)
    other = pd.Series(y, index=table.obs_names[::-1])
    with pytest.raises(SampleAlignmentError):
        model.fit(backed, other)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(backed, y[:-1])
    with pytest.raises(ValueError, match="one class only"):
        model.fit(backed, np.repeat("a", N_ROWS))
    monkeypatch.setattr(_streamed_ridge, "_MOST_FEATURES", 100)
    with pytest.raises(ValueError, match="at most 100 are wanted. Set linear_path=N"):
        model.fit(backed, y)
    assert not hasattr(model, "net_")
    fitted = make_short(EFNNClassifier).fit(backed, y)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(backed[:, 1:])


def test_no_thread_goes_on_reading_when_a_fit_has_ended(cohort, monkeypatch):
    _, backed, y = cohort
    n_threads = threading.active_count()
    make_short(EFNNClassifier).fit(backed, y)
    assert threading.active_count() == n_threads
    monkeypatch.setattr(_resident.ResidentData, "__getitem__", None)
    with pytest.raises(TypeError, match="not subscriptable|not callable"):
        make_short(EFNNClassifier).fit(backed, y)
    assert threading.active_count() == n_threads


class Numbers:
    """Data whose samples are their own positions."""

    device = None

    def __init__(self, n_samples, n_features):
        self.n_samples = n_samples
        self.samples = SimpleNamespace(X=SimpleNamespace(shape=(None, n_features)))

    def __len__(self):
        return self.n_samples

    def read(self, index):
        assert (np.diff(index) > 0).all()  # in the order of the file
        return index

    def placed(self, part):
        return part


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 600), st.integers(1, 200), st.sampled_from([1, 700, 7000]))
def test_every_sample_is_in_one_batch_of_nearly_equal_size(n, batch_size, n_features):
    data = Numbers(n, n_features)
    for shuffle in (False, True):
        batches = StreamedBatches(data, batch_size, shuffle=shuffle)
        found = [np.atleast_1d(batch) for batch in batches]
        assert len(found) == len(batches) == -(-n // batch_size)
        sizes = [len(batch) for batch in found]
        assert max(sizes) - min(sizes) <= 1
        order = np.concatenate(found)
        assert np.array_equal(np.sort(order), np.arange(n))
        if not shuffle:
            assert np.array_equal(order, np.arange(n))


def test_batches_of_a_sorted_file_hold_samples_from_all_over_it():
    data = Numbers(4000, 700)
    first, second = (
        np.concatenate(list(StreamedBatches(data, 50, shuffle=True))) for _ in range(2)
    )
    assert not np.array_equal(first, second)
    batches = first[:4000].reshape(80, 50)
    # A whole tenth of the file is in few batches only by an improbable accident.
    tenths = [len(np.unique(batch // 400)) for batch in batches]
    assert np.mean(tenths) > 5


_PEAK = """
import sys
import anndata
import numpy as np
from skomics import LFNNClassifier
from skomics.estimators import _resident
_resident._BUFFER = 2**20  # full after 4,000 of so narrow samples, not 67,000
X = anndata.read_h5ad(sys.argv[1], backed="r")
y = X.obs["cell_type"].to_numpy()
n = int(sys.argv[2])
before = peak()
model = LFNNClassifier(max_epochs=1, batch_size=512, random_state=0)
model.fit(X[:n], y[:n])
print(peak() - before)
"""


@pytest.mark.slow
def test_memory_grows_far_less_than_the_table(tmp_path):
    path = simulate_cells(
        tmp_path / "x.h5ad", 160_000, n_genes=200, n_proteins=50, random_state=0
    )
    few, many = (print_of(_PEAK, path, n)[0] for n in (40_000, 160_000))
    # Names, labels and weights of each sample are kept; its features are not.
    assert many < few + 0.5 * (120_000 * 250 * 4 / 2**20)


def test_sparse_samples_stay_sparse_until_a_batch_is_cut(cells, monkeypatch):
    table = anndata.read_h5ad(cells / "x.h5ad", backed="r")
    y, kinds = table.obs["cell_type"].to_numpy(), set()
    read = _resident.StreamedData.read

    def look(self, index):
        part = read(self, index)
        kinds.add(sparse.issparse(part.X))
        return part

    monkeypatch.setattr(_resident.StreamedData, "read", look)
    make_short(LFNNClassifier).fit(table, y)
    assert kinds == {True}
