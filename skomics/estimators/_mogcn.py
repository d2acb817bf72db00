"""moGCN as a scikit-learn classifier."""

from skomics.estimators._base import document_training
from skomics.estimators._graph_base import BaseGraphClassifier, document_graph
from skomics.modules import MoGCN

__all__ = ["MoGCNClassifier"]


@document_graph
@document_training
class MoGCNClassifier(BaseGraphClassifier):
    """Multi-omics graph convolutional network that scores one new patient.

    For each omics, graph convolutions on a graph of similar training samples and
    a classifier; a small network on the product of the omics' class scores (VCDN)
    joins them. This is MOGONET (Wang et al. 2021) as Leng et al. (2022) used it,
    made inductive: a new sample is linked to training samples only, so that its
    prediction depends on no other new sample.

    Parameters
    ----------
    %(graph_parameters)s

    hidden_layer_sizes : array-like of int, default=(200, 200, 100)
        Widths of the graph convolutions.

    dropout : float, default=0.5
        Dropout rate after every convolution but the last.

    %(stage_parameters)s

    %(training_parameters)s

    Attributes
    ----------
    graph_ : MultiOmicsGraph
        The graphs of the training samples.

    %(training_attributes)s

    See Also
    --------
    MoGATClassifier : Graph attention in place of graph convolution.
    paper_params : The settings of the publications.

    Notes
    -----
    The fitted model holds the training samples, to which new ones are linked.
    ``batch_size=None`` trains on the whole graph in every step, and on sampled
    neighbourhoods above 5,000 samples. Sparse input is made dense.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks allowing patient classification and biomarker
    identification", Nature Communications 12:3445.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import MoGCNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     MoGCNClassifier(pretrain_epochs=50, max_epochs=50, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    _module_class = MoGCN
    _sums_first = True

    def __init__(
        self,
        *,
        graph="threshold",
        k=3,
        kernel="cosine",
        normalization="rw",
        isolated="keep",
        hidden_layer_sizes=(200, 200, 100),
        dropout=0.5,
        pretrain_epochs=100,
        pretrain_lr=5e-3,
        fusion_lr=5e-3,
        end_to_end=False,
        max_hidden=512,
        max_cells=10000,
        inference="independent",
        n_neighbors=10,
        max_epochs=100,
        batch_size=None,
        lr=5e-3,
        weight_decay=0.0,
        optimizer="adamw",
        lr_schedule="cosine",
        warmup=0.1,
        label_smoothing=0.0,
        class_weight="balanced",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        modality_dropout="auto",
        linear_path=None,
        omics=None,
        device="auto",
        n_threads=1,
        random_state=None,
        callbacks=None,
        net_params=None,
        verbose=0,
    ):
        self.graph = graph
        self.k = k
        self.kernel = kernel
        self.normalization = normalization
        self.isolated = isolated
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_lr = pretrain_lr
        self.fusion_lr = fusion_lr
        self.end_to_end = end_to_end
        self.max_hidden = max_hidden
        self.max_cells = max_cells
        self.inference = inference
        self.n_neighbors = n_neighbors
        super().__init__(
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            optimizer=optimizer,
            lr_schedule=lr_schedule,
            warmup=warmup,
            label_smoothing=label_smoothing,
            class_weight=class_weight,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            modality_dropout=modality_dropout,
            linear_path=linear_path,
            omics=omics,
            device=device,
            n_threads=n_threads,
            random_state=random_state,
            callbacks=callbacks,
            net_params=net_params,
            verbose=verbose,
        )

    def _architecture(self):
        return {
            "hidden_sizes": tuple(self.hidden_layer_sizes),
            "dropout": self.dropout,
            "end_to_end": self.end_to_end,
            "max_hidden": self.max_hidden,
            "max_cells": self.max_cells,
            "modality_dropout": self._dropout_rate,
        }
