"""The training engine of the graph classifiers."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from skomics._compat import initialize_optimizer, set_training
from skomics.estimators._net import OmicsNet

__all__ = ["GraphNet", "Stage"]


@dataclass(frozen=True)
class Stage:
    """A part of the training of a graph net.

    Parameters
    ----------
    views_only : bool
        Whether only the encoders and classifiers of the single views are trained.

    epochs : int
        Number of epochs.

    lr : float
        Learning rate of the views.

    lr_factor : callable or None
        Factor of the learning rate as a function of the step.
    """

    views_only: bool
    epochs: int
    lr: float
    lr_factor: object


class GraphNet(OmicsNet):
    """A net that is trained on graphs of samples, in stages.

    Its data are objects with `batches(device, shuffle)`, an iterator over
    ``((views, weights, present), codes)``, and `whole(device, dtype)`, the views of all
    training samples; see :mod:`skomics.estimators._graph_data`.
    """

    def infer(self, x, **fit_params):
        """Apply the module to the views of `(views, weights, present)`."""
        views, _, present = x
        return self.module_(views, present)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the mean cross-entropy; a view that a sample lacks does not count."""
        views, weights, present = X
        if present is not None:
            ones = torch.ones_like(y_true, dtype=y_pred.dtype)
            weights = ones if weights is None else weights
            # The fusion, which comes after the views, counts all samples.
            counts = F.pad(present, (0, 1), value=True).T[: len(y_pred)]
            counts = counts.to(y_pred.dtype)
            counts = counts / counts.mean(1, keepdim=True).clamp_min(1 / len(y_true))
            weights = weights * counts
        return super().get_loss(y_pred, y_true, X=(views, weights), training=training)

    def get_iterator(self, dataset, training=False):
        """Return the batches of a graph data set."""
        return dataset.batches(self.torch_device, shuffle=training)

    def train_on(self, data, valid=None, *, stages):
        """Train in stages, each with a fresh optimizer.

        Parameters
        ----------
        data : GraphData
            What to learn from.

        valid : LinkedData, default=None
            What to watch the loss of.

        stages : list of Stage
            In order.

        Returns
        -------
        self : GraphNet
            The trained net.
        """
        if valid is not None:
            self._training_graph = data.whole(self.torch_device, torch.float32)
        for number, stage in enumerate(stages):
            if self.checkpoint is not None and self.checkpoint.is_past(number):
                continue
            self.module_.views_only = stage.views_only
            self.lr, self.lr_factor, self.n_steps_ = stage.lr, stage.lr_factor, 0
            initialize_optimizer(self)
            self.notify("on_train_begin", X=data, y=None)
            self.fit_loop((data, valid), epochs=stage.epochs, stage=number)
            self.notify("on_train_end", X=data, y=None)
        self.module_.views_only = False
        self.optimizer_.zero_grad()
        self._training_graph = self._inference = self.checkpoint = None
        return self

    def _new_recorder(self):
        """Return None: the graphs of two batches have no shape in common."""
        return None

    def validation_step(self, batch, **fit_params):
        """Return the loss of samples that are linked to training samples."""
        X, codes = batch
        views, _, present = X
        set_training(self, False)
        with torch.no_grad():
            states = self.module_.embed(self._training_graph)
            logits = self.module_.validate(states, views, present)
            loss = self.get_loss(logits, codes, X=X)
        return {"loss": loss, "y_pred": logits}

    def predict_inductive(self, data, linked):
        """Return logits of samples that are linked to training samples.

        Parameters
        ----------
        data : GraphData
            The training samples.

        linked : LinkedData
            The new samples and their links.

        Returns
        -------
        logits : ndarray of shape (n_new, n_classes), dtype float64
            Logits, each row by itself.
        """
        with torch.inference_mode():
            if self._inference is None:
                module, device, dtype = self._inference_module()
                states = module.embed(data.whole(device, dtype))
                self._inference = [module, states, device, dtype]
            module, states, device, dtype = self._inference
            logits = [
                module.predict(states, views, present).cpu()
                for views, present in linked.views(device, dtype)
            ]
        return torch.cat(logits).double().numpy()

    def predict_transductive(self, views, n_training, present):
        """Return logits of new samples in one graph with the training samples.

        Parameters
        ----------
        views : callable
            Gives the views of all samples, the training samples first, for a
            device and a dtype.

        n_training : int
            Number of training samples.

        present : ndarray of shape (n_samples, n_views), dtype bool, or None
            Which modalities each of all samples has; None if all have all.

        Returns
        -------
        logits : ndarray of shape (n_new, n_classes), dtype float64
            Logits, which depend on the company of the new samples.
        """
        module, device, dtype = self._inference_module()
        with torch.inference_mode():
            if present is not None:
                present = torch.as_tensor(present).to(device)
            logits = module(views(device, dtype), present)[-1, n_training:]
        return logits.cpu().double().numpy()
