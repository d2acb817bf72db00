"""efNN as a scikit-learn classifier."""

from numbers import Integral, Real

from skomics._validation import Interval
from skomics.estimators._base import BaseOmicsClassifier
from skomics.modules import EFNN

__all__ = ["EFNNClassifier"]


class EFNNClassifier(BaseOmicsClassifier):
    """Early-fusion dense network: one perceptron on the features of all omics."""

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    _uses_omics = False

    def __init__(
        self,
        *,
        hidden_layer_sizes=(500, 100, 50),
        dropout=0.1,
        max_epochs=100,
        batch_size=32,
        lr=1e-3,
        weight_decay=0.01,
        optimizer="adamw",
        lr_schedule="cosine",
        warmup=0.1,
        label_smoothing=0.0,
        class_weight=None,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
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
        sizes = self.hidden_layer_sizes
        return EFNN(
            block_sizes=block_sizes,
            n_classes=n_classes,
            hidden_sizes=(sizes,) if isinstance(sizes, Integral) else tuple(sizes),
            dropout=self.dropout,
        )
