"""Joining the outputs of several networks."""

import torch

from skomics.modules._fusion import average_members


def test_average_members_is_the_mean_of_the_probabilities():
    logits = torch.randn(3, 5, 4)
    expected = logits.softmax(-1).mean(0)
    torch.testing.assert_close(average_members(logits).softmax(-1), expected)


def test_average_members_does_not_saturate():
    logits = torch.tensor([[[80.0, -80.0]], [[90.0, -90.0]]], dtype=torch.float64)
    log_proba = average_members(logits)
    assert torch.isfinite(log_proba).all()
    assert -161 < log_proba[0, 1] < -160
