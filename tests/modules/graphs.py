"""Graphs, views and modules on them, small and in double precision."""

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn import functional as F

from skomics.modules import Hop, MoGAT, MoGCN

SIZES = [5, 3, 8]


def random_graph(n, seed=0):
    """Return a row-normalized graph with self loops."""
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.3), 1)
    dense = dense + dense.T + np.eye(n)
    return sparse.csr_array(dense / dense.sum(axis=1, keepdims=True))


def random_links(n_new, n, seed=0):
    """Return links of new samples to training samples, then self loops."""
    rng = np.random.default_rng(seed)
    links = rng.random((n_new, n)) * (rng.random((n_new, n)) < 0.3)
    dense = np.hstack([links, np.eye(n_new)])
    return sparse.csr_array(dense / dense.sum(axis=1, keepdims=True))


def make_hop(matrix, destinations=None):
    if destinations is None:
        destinations = np.arange(matrix.shape[0])
    return Hop.from_scipy(matrix, destinations, device="cpu", dtype=torch.float64)


def make_views(module, graphs, seed=0):
    """Return features of all training samples, and the graph for every layer."""
    torch.manual_seed(seed)
    views = []
    for graph, size, encoder in zip(graphs, SIZES, module.encoders, strict=False):
        x = torch.randn(graph.shape[0], size, dtype=torch.float64)
        views.append((x, [make_hop(graph)] * len(encoder)))
    return views


def three_graphs(n=14):
    return [random_graph(n, seed) for seed in range(3)]


def plain_vcdn(fusion, logits):
    cells = torch.einsum("na,nb,nc->nabc", *logits.sigmoid())
    first, _, last = fusion.layers
    return last(F.leaky_relu(first(cells.flatten(1)), 0.25))


def plain_forward(module, views, graphs, plain_layer):
    logits = []
    heads = zip(module.heads.weight, module.heads.bias, strict=True)
    for encoder, (weight, bias), (x, _), graph in zip(
        module.encoders, heads, views, graphs, strict=True
    ):
        graph = torch.as_tensor(graph.toarray())
        for layer in encoder:
            x = plain_layer(layer, x, graph)
        logits.append(x @ weight + bias)
    logits = torch.stack(logits)
    return torch.cat([logits, plain_vcdn(module.fusion, logits)[None]])


def assert_dropout_acts_in_training_only(module):
    views = make_views(module, three_graphs())
    assert not torch.allclose(module(views), module(views))
    module.eval()
    torch.testing.assert_close(module(views), module(views))


def make_mogat(**kwargs):
    params = {"block_sizes": SIZES, "n_classes": 3, "hidden_sizes": (6, 4)}
    params |= {"n_heads": 2, "slope": 0.2, "dropout": 0.0, "end_to_end": False}
    params |= {"max_hidden": 512, "max_cells": 10_000}
    torch.manual_seed(0)
    return MoGAT(**{**params, **kwargs}).double()


def make_mogcn(**kwargs):
    params = {"block_sizes": SIZES, "n_classes": 3, "hidden_sizes": (6, 2, 4)}
    params |= {"dropout": 0.0, "end_to_end": False}
    params |= {"max_hidden": 512, "max_cells": 10_000}
    torch.manual_seed(0)
    module = MoGCN(**{**params, **kwargs}).double()
    for name, parameter in module.named_parameters():  # biases, too, must matter
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.5)
    return module


def reorder(module, order):
    module.encoders = nn.ModuleList(module.encoders[i] for i in order)


def permute(layer, order):
    layer.lin.weight.data = layer.lin.weight.data[:, order]


# For each module: how to make one.
MODULES = {"mogat": make_mogat, "mogcn": make_mogcn}
