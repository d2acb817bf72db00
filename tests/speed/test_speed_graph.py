"""moGCN against a straightforward re-statement of the published training scheme.

Data have the shape of MOGONET's ROSMAP set: 245 samples, three modalities of 200.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skomics import MoGCNClassifier
from skomics.graph import SampleGraph
from tests.speed.test_speed import best_ratio, one_thread  # noqa: F401

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]

N, WIDTH, N_VIEWS, N_EPOCHS = 245, 200, 3, 60
HIDDEN = (200, 200, 100)


def rosmap_like():
    rng = np.random.default_rng(0)
    X = rng.random(size=(N, N_VIEWS * WIDTH)).astype(np.float32)
    return X, np.arange(N) % 2


class PlainEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [WIDTH, *HIDDEN]
        self.weights = nn.ParameterList(
            nn.init.xavier_normal_(torch.empty(a, b))
            for a, b in zip(sizes, HIDDEN, strict=False)
        )
        self.biases = nn.ParameterList(torch.zeros(b) for b in HIDDEN)

    def forward(self, x, adjacency):
        layers = zip(self.weights, self.biases, strict=True)
        for i, (weight, bias) in enumerate(layers):
            x = F.leaky_relu(adjacency @ (x @ weight) + bias, 0.25)
            if i < len(HIDDEN) - 1:
                x = F.dropout(x, 0.5, training=True)
        return x


def plain_fit(X, y):
    """Two forward passes a step, and a gradient of the fusion that is not used."""
    X = [torch.as_tensor(block) for block in np.split(X, N_VIEWS, axis=1)]
    y = torch.as_tensor(y)
    adjacency = [
        torch.as_tensor(SampleGraph(k=2).fit(x.numpy()).graph_.toarray()).float()
        for x in X
    ]
    encoders = [PlainEncoder() for _ in X]
    heads = [nn.Linear(HIDDEN[-1], 2) for _ in X]
    fusion = nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.25), nn.Linear(8, 2))

    def optimizers(lr):
        return [
            torch.optim.Adam([*e.parameters(), *h.parameters()], lr=lr)
            for e, h in zip(encoders, heads, strict=True)
        ]

    def step_views(steps):
        for i, step in enumerate(steps):
            step.zero_grad()
            F.cross_entropy(heads[i](encoders[i](X[i], adjacency[i])), y).backward()
            step.step()

    pretraining = optimizers(1e-3)
    for _ in range(N_EPOCHS):
        step_views(pretraining)
    joint, fusing = optimizers(5e-4), torch.optim.Adam(fusion.parameters(), lr=1e-3)
    for _ in range(N_EPOCHS):
        step_views(joint)
        fusing.zero_grad()
        logits = [heads[i](encoders[i](X[i], adjacency[i])) for i in range(N_VIEWS)]
        a, b, c = (torch.sigmoid(z) for z in logits)
        cells = torch.einsum("ni,nj,nk->nijk", a, b, c).flatten(1)
        F.cross_entropy(fusion(cells), y).backward()
        fusing.step()


def test_mogcn_fits_within_55_percent_of_the_published_scheme():
    X, y = rosmap_like()
    model = MoGCNClassifier(
        omics=[WIDTH] * N_VIEWS,
        k=2,
        hidden_layer_sizes=HIDDEN,
        pretrain_epochs=N_EPOCHS,
        max_epochs=N_EPOCHS,
        device="cpu",
        random_state=0,
    )
    fits = (lambda: model.fit(X, y), lambda: plain_fit(X, y))
    assert best_ratio(*fits, bound=0.55, repeats=3) <= 0.55
