"""SMA as a scikit-learn classifier."""

from numbers import Integral, Real

from skomics._validation import Interval, StrOptions
from skomics.estimators._base import BaseOmicsClassifier
from skomics.modules import SMA

__all__ = ["SMAClassifier"]


class SMAClassifier(BaseOmicsClassifier):
    """Siamese multi-head attention network."""

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left")],
        "d_model": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "d_feedforward": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "token_projection": [StrOptions({"per_token", "shared"})],
        "pooling": [StrOptions({"mean", "cls"})],
        "share_weights": ["boolean"],
        "linear_path": ["boolean"],
        "n_ensemble": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_tokens=8,
        d_model=32,
        n_heads=4,
        depth=1,
        d_feedforward=64,
        dropout=0.1,
        input_dropout=0.5,
        token_projection="per_token",
        pooling="mean",
        share_weights=False,
        linear_path=False,
        n_ensemble=1,
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
        self.n_tokens = n_tokens
        self.d_model = d_model
        self.n_heads = n_heads
        self.depth = depth
        self.d_feedforward = d_feedforward
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.token_projection = token_projection
        self.pooling = pooling
        self.share_weights = share_weights
        self.linear_path = linear_path
        self.n_ensemble = n_ensemble
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
        return SMA(
            block_sizes=block_sizes,
            n_classes=n_classes,
            n_tokens=self.n_tokens,
            d_model=self.d_model,
            n_heads=self.n_heads,
            depth=self.depth,
            d_feedforward=self.d_feedforward,
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            token_projection=self.token_projection,
            pooling=self.pooling,
            share_weights=self.share_weights,
            linear_path=self.linear_path,
            n_ensemble=self.n_ensemble,
        )
