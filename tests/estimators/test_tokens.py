"""Which features make a token of SMA."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.callback import ScoringMonitor

from skomics import BlockRidgeClassifier, EFNNClassifier, SMAClassifier
from skomics.estimators._tokens import plan_tokens
from tests.conftest import make_tiny

QUICK = {
    "d_model": 8,
    "n_heads": 2,
    "d_feedforward": 8,
    "max_epochs": 3,
    "n_ensemble": 2,
    "random_state": 0,
    "device": "cpu",
}


def shuffle_columns(X, seed=1):
    """Return X with the features in another order, within and across omics."""
    return X.iloc[:, np.random.default_rng(seed).permutation(X.shape[1])]


def weights_of(model):
    return {k: v.numpy() for k, v in model.net_.module_.state_dict().items()}


def without_mirna(X):
    """Return X without a modality of a fifth of the samples, of all classes alike."""
    X = X.copy()
    X.loc[X.index[::5], X.columns.str.startswith("mirna__")] = np.nan
    return X


def few_values(X):
    return X.round().clip(0, 1)


def many_features(X):
    """Return X with as little signal as lets the path weigh the features."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(X), 400))
    names = [f"rna__n{i}" for i in range(400)]
    X = X + rng.normal(scale=2, size=X.shape)
    return pd.concat([X, pd.DataFrame(noise, X.index, names)], axis=1)


@pytest.mark.parametrize(
    "change", [lambda X: X, without_mirna, few_values, many_features]
)
@pytest.mark.parametrize("path", ["ridge", None, "trained"])
def test_order_of_the_columns_changes_no_bit_of_the_network(change, path):
    X, y = make_tiny()
    X = change(X)
    first = SMAClassifier(linear_path=path, **QUICK).fit(X, y)
    turned = shuffle_columns(X)
    second = SMAClassifier(linear_path=path, **QUICK).fit(turned, y)
    expected = weights_of(first)
    for name, weights in weights_of(second).items():
        np.testing.assert_array_equal(weights, expected[name], err_msg=name)
    np.testing.assert_allclose(
        second.predict_proba(turned), first.predict_proba(X), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("shape", [(40, 300), (20, 900)])  # tokens that are turned
def test_order_of_sparse_columns_changes_no_bit_of_the_network(shape):
    rng = np.random.default_rng(0)
    X = sparse.random_array(shape, density=0.2, rng=rng, format="csr")
    y = np.arange(len(X.indptr) - 1) % 2
    order = rng.permutation(shape[1])
    first = SMAClassifier(omics=[shape[1]], **QUICK).fit(X, y)
    second = SMAClassifier(omics=[shape[1]], **QUICK).fit(X[:, order], y)
    expected = weights_of(first)
    for name, weights in weights_of(second).items():
        np.testing.assert_array_equal(weights, expected[name], err_msg=name)


@pytest.mark.parametrize("path", ["ridge", None])
def test_order_of_private_mutations_changes_no_bit_of_the_network(path):
    X = pd.DataFrame(np.eye(24), columns=[f"mutation__{i}" for i in range(24)])
    y = np.arange(24) % 2
    first = SMAClassifier(linear_path=path, **QUICK).fit(X, y)
    second = SMAClassifier(linear_path=path, **QUICK).fit(shuffle_columns(X), y)
    expected = weights_of(first)
    for name, weights in weights_of(second).items():
        np.testing.assert_array_equal(weights, expected[name], err_msg=name)


def test_order_of_the_columns_hardly_changes_block_ridge():
    X, y = make_tiny()
    turned = shuffle_columns(X)
    first = BlockRidgeClassifier().fit(X, y).predict_proba(X)
    second = BlockRidgeClassifier().fit(turned, y).predict_proba(turned)
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def test_order_of_columns_and_samples_may_change_together():
    X, y = make_tiny()
    rows = np.random.default_rng(3).permutation(len(X))
    first = SMAClassifier(**QUICK).fit(X, y)
    second = SMAClassifier(**QUICK).fit(shuffle_columns(X).iloc[rows], y.iloc[rows])
    expected = weights_of(first)
    for name, weights in weights_of(second).items():
        np.testing.assert_array_equal(weights, expected[name], err_msg=name)


def test_given_order_cuts_runs_of_columns():
    X, y = make_tiny()
    model = SMAClassifier(n_tokens=6, token_order="given", **QUICK).fit(X, y)
    for omics in model.omics_:
        tokens = model.tokens_[X.columns.str.startswith(f"{omics}__")].tolist()
        assert tokens == sorted(tokens)
    turned = SMAClassifier(n_tokens=6, token_order="given", **QUICK)
    turned.fit(shuffle_columns(X), y)
    first = weights_of(model)["tokenizer.weight"]
    assert not np.array_equal(first, weights_of(turned)["tokenizer.weight"])


@pytest.mark.parametrize("change", [lambda X: X, many_features])
def test_features_of_the_largest_coefficients_are_dealt_to_different_tokens(change):
    X, y = make_tiny(n_samples=90)
    X = change(X)
    model = SMAClassifier(n_tokens=8, **QUICK).fit(X, y)
    is_rna = X.columns.str.startswith("rna__")
    coef = model.path_.coef_
    sizes = np.where(is_rna, np.abs(coef - coef.mean(0)).sum(0), -1)
    n_rna = len(set(model.tokens_[is_rna]) - {""})
    assert n_rna > 2
    strongest = np.argsort(-sizes)
    for start in (0, n_rna):
        assert len(set(model.tokens_[strongest[start : start + n_rna]])) == n_rna


def test_each_feature_with_a_weight_has_one_token():
    X, y = make_tiny(n_samples=90)
    X = many_features(X)
    model = SMAClassifier(**QUICK).fit(X, y)
    seen = model.tokens_ != ""
    np.testing.assert_array_equal(seen, model.path_.feature_weights_ > 0)
    of_omics = X.columns.str.split("__").str[0]
    named = pd.Series(model.tokens_[seen]).str.rsplit("_", n=1).str[0]
    np.testing.assert_array_equal(named, of_omics[seen])
    sizes = [stop - start for start, stop in model.net_.module_.token_bounds]
    assert [int((model.tokens_ == name).sum()) for name in model.token_names_] == sizes


PATHWAYS = {"r0": "repair", "r3": "repair", "m1": "cycle", "r2": "cycle", "r1": None}


@pytest.mark.parametrize("form", [dict, pd.Series], ids=["dict", "Series"])
@pytest.mark.parametrize("full", [True, False])
def test_a_token_can_be_a_pathway(form, full):
    X, y = make_tiny()
    tokens = PATHWAYS
    if full:
        omics = {"r": "rna", "m": "methylation"}
        tokens = {f"{omics[name[0]]}__{name}": t for name, t in PATHWAYS.items()}
    tokens = form(tokens) if form is dict else form(tokens, dtype=object)
    model = SMAClassifier(tokens=tokens, n_tokens=3, **QUICK).fit(X, y)
    of = dict(zip(X.columns, model.tokens_, strict=True))
    assert of["rna__r0"] == of["rna__r3"] == "rna__repair"
    assert of["rna__r2"] == "rna__cycle"
    assert of["methylation__m1"] == "methylation__cycle"
    rest = {t for name, t in of.items() if name.split("__")[1] not in PATHWAYS}
    wanted = {"rna_0", "methylation_0", "mirna_0"}
    if not full:
        assert of["mirna__m1"] == "mirna__cycle"
    assert rest == wanted
    assert of["rna__r1"] == "rna_0"
    attention = model.net_.module_.attention_weights
    assert len(model.token_names_) == len(model.net_.module_.token_bounds)
    assert attention.__name__ == "attention_weights"


def test_tokens_may_be_labels_of_the_columns():
    X, y = make_tiny()
    labels = ["odd" if i % 2 else np.nan for i in range(X.shape[1])]
    model = SMAClassifier(tokens=labels, omics=[12, 7, 5], **QUICK)
    model.fit(X.to_numpy(), y)
    is_odd = np.array([token.endswith("__odd") for token in model.tokens_])
    np.testing.assert_array_equal(is_odd, np.arange(X.shape[1]) % 2 == 1)


def test_pathways_follow_their_features_whatever_the_order_of_the_columns():
    X, y = make_tiny()
    first = SMAClassifier(tokens=PATHWAYS, **QUICK).fit(X, y)
    second = SMAClassifier(tokens=PATHWAYS, **QUICK).fit(shuffle_columns(X), y)
    expected = weights_of(first)
    for name, weights in weights_of(second).items():
        np.testing.assert_array_equal(weights, expected[name], err_msg=name)


@pytest.mark.parametrize(
    ("tokens", "is_named", "message"),
    [
        ({"r0": "a"}, False, "X has no names. Give X as a DataFrame, or tokens as one"),
        ({"TP53": "a"}, True, "none of the 24 features of X a token, such as rna__r0"),
        ([None] * 24, False, "none of the 24 features of X a token. Use the names of"),
        (
            [["a"]] * 24,
            True,
            "tokens has 2 dimensions, but one label per column is want",
        ),
        (pd.Series("a", ["r0", "r0"]), True, "tokens names 1 features more than once"),
        (["a"] * 23, True, "tokens has 23 labels, but X has 24 columns. Give one"),
        (5, True, "The 'tokens' parameter of SMAClassifier must be"),
    ],
)
def test_error_for_tokens_that_do_not_fit(tokens, is_named, message):
    X, y = make_tiny()
    model = SMAClassifier(tokens=tokens, omics=None if is_named else [24], **QUICK)
    with pytest.raises(ValueError, match=message):
        model.fit(X if is_named else X.to_numpy(), y)


@pytest.mark.parametrize("none", [None, np.nan, pd.NA, pd.NaT])
def test_every_way_to_say_none_is_no_token(none):
    X, y = make_tiny()
    tokens = pd.Series({"r0": "a", "r1": none}, dtype=object)
    model = SMAClassifier(tokens=tokens, n_tokens=3, **QUICK).fit(X, y)
    of = dict(zip(X.columns, model.tokens_, strict=True))
    assert of["rna__r1"] == "rna_0"


def test_error_for_an_unknown_order():
    with pytest.raises(ValueError, match="The 'token_order' parameter of SMA"):
        SMAClassifier(token_order="random").fit(*make_tiny())


def test_tokens_of_an_unfitted_model_are_not_to_be_had():
    with pytest.raises(AttributeError):
        _ = SMAClassifier().tokens_


def test_plan_shares_features_without_a_label_among_the_omics_that_have_some():
    labels = np.array(["a", "a", "", "", "", ""], dtype=object)
    features = [np.array([1, 0]), np.array([2, 5, 3, 4])]
    plan = plan_tokens(["x", "y"], features, 2, labels=labels)
    assert plan.names == ["x__a", "y_0", "y_1"]
    assert plan.sizes == [[2], [2, 2]]
    assert plan.features.tolist() == [1, 0, 2, 3, 5, 4]


def test_epochs_are_fewer_for_many_samples():
    model = SMAClassifier()
    counts = [model._count_epochs(n) for n in (10, 512, 1024, 2113, 10**6)]
    assert counts == [50, 50, 25, 12, 8]
    assert SMAClassifier(max_epochs=7)._count_epochs(10**6) == 7


def test_copies_do_not_change_how_long_is_trained():
    X, y = make_tiny(n_samples=520)
    quick = {**QUICK, "max_epochs": "auto", "n_ensemble": 1, "linear_path": None}
    once, twice = SMAClassifier(**quick).fit(X, y), SMAClassifier(**quick)
    twice.fit(pd.concat([X, X]), pd.concat([y, y]))
    assert once.n_iter_ == twice.n_iter_ == 49


@pytest.mark.parametrize("weights", [None, "zeros"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_progress_bars_expect_no_fewer_epochs_than_there_are(weights, early_stopping):
    A = np.repeat(np.random.default_rng(0).normal(size=(300, 6)), 2, axis=0)
    y = np.repeat(np.arange(300) % 2, 2)
    weights = None if weights is None else (np.arange(600) < 200).astype(float)
    quick = {**QUICK, "max_epochs": "auto", "n_ensemble": 1, "linear_path": None}
    model = SMAClassifier(omics=[3, 3], early_stopping=early_stopping, **quick)
    model.set_callbacks(ScoringMonitor(scoring="accuracy"))
    assert model.fit(A, y, sample_weight=weights).n_iter_ > 1


@pytest.mark.parametrize("epochs", [2, 9])
def test_progress_bars_expect_the_epochs_of_net_params(epochs):
    X, y = make_tiny()
    model = SMAClassifier(**QUICK, net_params={"max_epochs": epochs})
    model.set_callbacks(ScoringMonitor(scoring="accuracy"))
    assert model.fit(X, y).n_iter_ == epochs


def test_subclass_with_a_constructor_of_its_own_is_fitted():
    class Small(EFNNClassifier):
        def __init__(self, *, max_epochs=2):
            super().__init__(max_epochs=max_epochs, hidden_layer_sizes=(4,))

    X, y = make_tiny()
    assert Small().fit(X, y).n_iter_ == 2


def test_features_by_pathway_are_told_how_to_be_turned_round(tiny):
    pathways = {"apoptosis": ["r1", "r2"], "repair": ["r3"]}
    model = SMAClassifier(tokens=pathways, max_epochs=1, device="cpu")
    with pytest.raises(ValueError, match="'apoptosis', 'repair', but goes from a feat"):
        model.fit(*tiny)
