"""moGCN as a scikit-learn classifier."""

from skomics.estimators._base import document_training
from skomics.estimators._graph_base import BaseGraphClassifier, document_graph
from skomics.modules import MoGCN

__all__ = ["MoGCNClassifier"]


@document_graph
@document_training
class MoGCNClassifier(BaseGraphClassifier):
    """DOC"""

    _sums_first = True

    def __init__(
        self,
        *,
        graph="threshold",
        k=10,
        kernel="cosine",
        normalization="rw",
        hidden_layer_sizes=(400, 400, 200),
        dropout=0.5,
        pretrain_epochs=200,
        pretrain_lr=1e-3,
        fusion_lr=1e-3,
        end_to_end=False,
        max_hidden=512,
        max_cells=10000,
        inference="independent",
        n_neighbors=10,
        max_epochs=200,
        batch_size=None,
        lr=5e-4,
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
            omics=omics,
            device=device,
            n_threads=n_threads,
            random_state=random_state,
            callbacks=callbacks,
            net_params=net_params,
            verbose=verbose,
        )

    def _build_module(self, block_sizes, n_classes):
        return MoGCN(
            block_sizes=block_sizes,
            n_classes=n_classes,
            hidden_sizes=tuple(self.hidden_layer_sizes),
            dropout=self.dropout,
            end_to_end=self.end_to_end,
            max_hidden=self.max_hidden,
            max_cells=self.max_cells,
        )
