"""What networks do in the place of omics that a sample lacks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skomics.modules import EFCNN, EFNN, LFCNN, LFNN, SMA
from skomics.modules._modality import (
    PresentOmics,
    drop_omics,
    indicators,
    scale_branches,
)

SIZES = [4, 3, 6]
MAKERS = {
    "sma": lambda **kwargs: SMA(
        **{
            "block_sizes": SIZES,
            "n_classes": 3,
            "n_tokens": 5,
            "d_model": 8,
            "n_heads": 2,
            "depth": 2,
            "d_feedforward": 8,
            "dropout": 0.0,
            "input_dropout": 0.0,
            "token_projection": "per_token",
            "pooling": "mean",
            "share_weights": False,
            "linear_path": False,
            "n_ensemble": 2,
            **kwargs,
        }
    ),
    "lfnn": lambda **kwargs: LFNN(
        block_sizes=SIZES,
        n_classes=3,
        branch_sizes=(5,),
        head_sizes=(4,),
        dropout=0.0,
        **kwargs,
    ),
    "lfcnn": lambda **kwargs: LFCNN(
        block_sizes=SIZES,
        n_classes=3,
        n_filters=2,
        kernel_sizes=[2, 2, 2],
        strides=[1, 1, 1],
        pool_sizes=[1, 1, 1],
        head_sizes=(4,),
        dropout=0.0,
        **kwargs,
    ),
    "efnn": lambda **kwargs: EFNN(
        block_sizes=SIZES, n_classes=3, hidden_sizes=(6,), dropout=0.0, **kwargs
    ),
    "efcnn": lambda **kwargs: EFCNN(
        block_sizes=SIZES,
        n_classes=3,
        n_filters=(2,),
        kernel_sizes=(2,),
        strides=(1,),
        pool_sizes=(1,),
        head_sizes=(4,),
        dropout=0.0,
        **kwargs,
    ),
}
by_parts = pytest.mark.parametrize("kind", ["sma", "lfnn", "lfcnn"])
by_fill = pytest.mark.parametrize("kind", ["efnn", "efcnn"])


def make(kind, **kwargs):
    torch.manual_seed(0)
    module = MAKERS[kind](**kwargs).double().eval()
    module.present.may_miss = True
    return module


def some_samples():
    """Return six samples: the second lacks two modalities, the fourth one."""
    x = torch.randn(6, 13, dtype=torch.float64, generator=torch.manual_seed(1))
    x[1, :7] = torch.nan
    x[3, 7:] = torch.nan
    return x


@by_parts
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_what_is_filled_in_does_not_count_where_parts_can_be_left_out(kind, pooling):
    module = make(kind, **({"pooling": pooling} if kind == "sma" else {}))
    expected = module(some_samples())
    assert expected.isfinite().all()
    torch.nn.init.normal_(module.present.fill, std=9.0)
    torch.testing.assert_close(module(some_samples()), expected)


@by_fill
def test_training_means_stand_in_where_omics_are_joined_early(kind):
    module = make(kind)
    torch.nn.init.normal_(module.present.fill)
    x = some_samples()
    filled = torch.where(x.isnan(), module.present.fill, x)
    torch.testing.assert_close(module(x), module(filled))


@by_fill
def test_indicators_tell_an_absent_omics_from_its_mean(kind):
    module = make(kind, has_indicators=True)
    x = some_samples()
    filled = torch.where(x.isnan(), module.present.fill, x)
    differs = (module(x) - module(filled)).abs().amax(1) > 1e-9
    assert differs.tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize("kind", MAKERS)
def test_complete_samples_are_answered_as_if_nobody_lacked_anything(kind):
    module = make(kind)
    x = some_samples()
    complete = [0, 2, 4, 5]
    expected = module(x)[complete]
    module.present.may_miss = False
    torch.testing.assert_close(module(x[complete]), expected)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_no_token_attends_to_the_tokens_of_an_absent_omics(pooling):
    module = make("sma", pooling=pooling)
    weights = module.attention_weights(some_samples())
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    absent = torch.where(module.token_omics < 2)[0] + (pooling == "cls")
    assert (weights[:, :, :, 1][..., absent] == 0).all()
    assert (weights[:, :, :, 0][..., absent] > 0).all()


def test_many_tokens_are_masked_as_few_are(monkeypatch):
    module = make("sma")
    expected = module(some_samples())
    monkeypatch.setattr("skomics.modules._sma._FEW_TOKENS", 0)
    torch.testing.assert_close(module(some_samples()), expected)


masks = st.lists(
    st.lists(st.booleans(), min_size=3, max_size=3).filter(any), min_size=1, max_size=9
).map(torch.tensor)


@given(present=masks, rate=st.floats(0, 0.99), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_dropping_omics_adds_none_and_leaves_one(present, rate, seed):
    torch.manual_seed(seed)
    kept = drop_omics(present, rate)
    assert not (kept & ~present).any()
    assert kept.any(1).all()


def test_omics_are_dropped_at_the_rate_asked_for():
    torch.manual_seed(0)
    present = torch.ones(20_000, 3, dtype=bool)
    kept = drop_omics(present, 0.4)
    # Samples that would lose all three, 0.4 ** 3 of them, keep all.
    assert kept.double().mean().item() == pytest.approx(0.6 + 0.4**3, abs=0.01)
    assert drop_omics(present, 0.0) is present


def test_branches_that_are_left_count_for_those_that_are_not():
    branches = [torch.ones(3, 2), 2 * torch.ones(3, 2), 3 * torch.ones(3, 2)]
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 1]], dtype=bool)
    scaled = torch.stack([b[:, 0] for b in scale_branches(branches, present)], dim=1)
    expected = torch.tensor([[1, 2, 3], [1.5, 0, 4.5], [0, 0, 9]])
    torch.testing.assert_close(scaled, expected)
    assert scale_branches(branches, None) is branches


def test_indicators_are_one_where_a_modality_is_absent():
    present = torch.tensor([[True, False], [True, True]])
    x = torch.zeros(2, 5, dtype=torch.float64)
    assert indicators(x, present, 2).tolist() == [[0, 1], [0, 0]]
    assert indicators(x, None, 2).tolist() == [[0, 0], [0, 0]]


def test_nothing_is_looked_at_where_nothing_may_be_missing():
    module, x = PresentOmics(SIZES, 0.0), some_samples()
    same, present = module(x)
    assert same is x
    assert present is None
    assert "n_omics=3, modality_dropout=0.0" in repr(module)
