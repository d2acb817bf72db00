"""Parts of docstrings that several estimators share, with defaults of their own."""

import inspect
from dataclasses import dataclass
from typing import dataclass_transform

__all__ = ["classifier", "fill_docstring"]

_TRAINING_PARAMETERS = """\
    max_epochs : {epoch_kinds}, default={max_epochs!r}
        Number of passes over the training samples.{epoch_rule}

    batch_size : int, default={batch_size}
        Largest number of distinct samples in a batch. Batches are of nearly
        equal size and none is dropped.

    lr : float, default={lr}
        Learning rate; the highest one of the schedule.

    weight_decay : float, default={weight_decay}
        Decay of the weights, decoupled from the gradient for "adamw".

    optimizer : {{"adamw", "adam", "sgd"}}, default={optimizer!r}
        Optimizer. "sgd" has Nesterov momentum 0.9.

    lr_schedule : {{"cosine", "constant"}}, default={lr_schedule!r}
        Course of the learning rate: "cosine" rises for `warmup` of the steps and
        then falls to 0 along a cosine.

    warmup : float, default={warmup}
        Share of the steps, in [0, 1], in which the rate rises, for "cosine".

    label_smoothing : float, default={label_smoothing}
        Probability, in [0, 1), that is spread over all classes in the targets
        of the training loss.

    class_weight : dict, "balanced" or None, default={class_weight!r}
        Weight of each class in the loss, as in scikit-learn.

    early_stopping : bool, default={early_stopping}
        Whether to stop when the watched loss no longer falls, and to keep the
        weights of the best epoch.

    validation_fraction : float or None, default={validation_fraction}
        Share of the training samples, stratified by class, that is held out for
        early stopping. None watches the training loss and holds out nothing.

    n_iter_no_change : int, default={n_iter_no_change}
        Number of epochs without improvement after which early stopping stops.

    tol : float, default={tol}
        Smallest fall of the watched loss that counts as improvement.

    warm_start : bool, default={warm_start}
        Whether `fit` goes on from the weights of the previous `fit`. The
        optimizer starts afresh.

    modality_dropout : float or "auto", default={modality_dropout!r}
        Probability, in [0, 1), with which a sample loses a modality in a training
        step, but never all. It prepares for samples that lack modalities. "auto" is 0.2
        where training samples lack modalities, and else 0.

    linear_path : {linear_paths}, default={linear_path!r}
        What is added to the network. "ridge" is a
        :class:`~skomics.BlockRidgeClassifier`, kept in `path_`, whose probabilities
        are averaged with those of the network, two to one; features that it weighs
        are weighed alike in the network's input.

    omics : array-like, dict or None, default={omics}
        Which columns belong to which modalities, for input without names: block
        sizes, a dict from omics to size, or one label per column. None reads
        ``omics__feature`` names.

    device : str, default={device!r}
        "auto" (CUDA, else MPS, else the CPU) or a torch device.

    precision : {precisions}, default={precision!r}
        Precision of products in training. "tf32" rounds their factors to 10 bits,
        on CUDA only, where products of other threads are rounded, too, while it lasts.
{bf16}        Weights, losses and predictions are not rounded.

    n_threads : int or None, default={n_threads}
        Threads on the CPU during `fit` and prediction. With 1, a result does
        not depend on the machine's load or on how many jobs run. None leaves
        torch's setting, which pays for wide input on many cores.

    random_state : int, RandomState instance or None, default={random_state}
        Source of all randomness. The same integer gives the same model, bit for
        bit, on the CPU.

    callbacks : list of skorch callbacks or None, default={callbacks}
        Called during training, as in skorch. For progress bars and scores, use
        scikit-learn's callbacks: ``set_callbacks(ProgressBar())``.

    net_params : dict or None, default={net_params}
        Further parameters of the skorch net, for experts, such as
        ``{{"gradient_clip": 1.0}}``.

    checkpoint : str, path-like or None, default=None
        File in which `fit` keeps how far it is after each epoch. Where a fit was ended
        early, by whatever it was, the same call goes on from the file, to the same
        model as if nothing had happened, to the bit on one kind of processor. The file
        of a fit on other data, or with other parameters, is refused; a fit that is done
        deletes it. It is for one fit at a time, not for the many of a search.

    verbose : int, default={verbose}
        Passed on to callbacks. Training itself never prints.
"""
_BF16 = """\
        "bf16" computes with 8 bits where torch's autocast finds that safe.
"""
_EPOCH_RULE = """ "auto" is 50 for up to 512
        distinct samples, and for more as many as see 25,600 of them, but no fewer
        than 8: the steps count, not the passes."""
_TRAINING_ATTRIBUTES = """\
    classes_ : ndarray of shape (n_classes,)
        Subtypes, sorted.

    omics_ : tuple of str
        Names of the modalities, in the order of the columns.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has names.

    n_iter_ : int
        Number of epochs trained.

    history_ : DataFrame
        One row per epoch: epoch, train_loss, valid_loss (if a part was held
        out) and seconds.

    fit_receipt_ : dict
        What `fit` saw and did, as plain Python that :func:`json.dumps` takes: samples,
        modalities, classes, what was left out and why, a digest of the data (`data`),
        parameters, seed, versions, and a digest of what was learned (`learned`). Models
        with equal receipts give equal answers on one kind of processor, unless
        parameters are set after `fit`.

    path_ : BlockRidgeClassifier
        The linear path, with ``linear_path="ridge"``.

    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
"""
_GRAPH_PARAMETERS = """\
    graph : {{"threshold", "knn", "snf", "nemo"}}, default={graph!r}
        How similar samples are linked. "threshold" and "knn" make a graph per
        modality, see :class:`~skomics.graph.SampleGraph`; "snf" and "nemo" make one
        of all modalities, see :class:`~skomics.graph.MultiOmicsGraph`.

    k : int, default={k}
        Number of nearest neighbors ("knn", "snf", "nemo"), or target mean degree + 1
        ("threshold").

    kernel : {{"cosine", "rbf"}}, default={kernel!r}
        Weight of an edge.

    normalization : {{"rw", "sym"}}, default={normalization!r}
        Random-walk or symmetric normalization of the graph.

    isolated : {{"link", "keep"}}, default={isolated!r}
        Whether a sample that has no neighbor within the threshold is tied to its
        nearest one, or keeps to itself, as in the published code.
"""
_STAGE_PARAMETERS = """\
    pretrain_epochs : int, default={pretrain_epochs}
        Epochs in which the encoder and classifier of each modality are trained by
        themselves. `max_epochs` counts the joint epochs after that.

    pretrain_lr : float, default={pretrain_lr}
        Learning rate of the pretraining; `lr` is the one of the encoders after it.

    fusion_lr : float, default={fusion_lr}
        Learning rate of the fusion.

    end_to_end : bool, default={end_to_end}
        Whether the loss of the fusion also trains the encoders. The published
        code does not.

    max_hidden : int, default={max_hidden}
        Bound on the width of the fusion, which is else the number of classes to
        the power of the number of omics.

    max_cells : int, default={max_cells}
        Where that number is larger, the fusion reads the omics' class scores side
        by side in place of their product.

    inference : {{"inductive", "transductive"}}, default={inference!r}
        "inductive" links each new sample to training samples, by itself;
        "transductive" joins all new samples in one graph as the published code does,
        with a warning, because a prediction then depends on the others.

    n_neighbors : int, default={n_neighbors}
        Neighbors that are sampled per sample and layer, when training in
        batches: with `batch_size`, or by itself above 5,000 samples.
"""
_TEXTS = {
    "graph_parameters": _GRAPH_PARAMETERS,
    "stage_parameters": _STAGE_PARAMETERS,
    "training_parameters": _TRAINING_PARAMETERS,
    "training_attributes": _TRAINING_ATTRIBUTES,
}


def fill_docstring(cls):
    """Put shared texts, with the class's own defaults, into its docstring.

    Parameters
    ----------
    cls : type
        A classifier whose docstring holds lines such as ``%(training_parameters)s``.

    Returns
    -------
    cls : type
        The same class.
    """
    signature = inspect.signature(cls)
    defaults = {name: p.default for name, p in signature.parameters.items()}
    options = sorted(cls._parameter_constraints["linear_path"][0].options)
    precisions = sorted(cls._parameter_constraints["precision"][0].options)
    is_auto = defaults["max_epochs"] == "auto"
    fields = {
        **defaults,
        "linear_paths": f"{{{', '.join(map(_quoted, options))}}} or None",
        "precisions": f"{{{', '.join(map(_quoted, precisions))}}}",
        "bf16": _BF16 if "bf16" in precisions else "",
        "epoch_kinds": 'int or "auto"' if is_auto else "int",
        "epoch_rule": _EPOCH_RULE if is_auto else "",
    }
    for name, text in _TEXTS.items():
        marker = f"    %({name})s\n"
        if marker in cls.__doc__:
            cls.__doc__ = cls.__doc__.replace(marker, text.format(**fields))
    return cls


def _quoted(option):
    return f'"{option}"'


@dataclass_transform(kw_only_default=True, eq_default=False)
def classifier(cls):
    """Make the constructor and the docstring of a classifier.

    The constructor comes from the annotated attributes of the class, as that of a
    dataclass: parameters of its own, and others whose default is another one here.

    Parameters
    ----------
    cls : type
        A subclass of :class:`~skomics.estimators.BaseOmicsClassifier`.

    Returns
    -------
    cls : type
        The same class; its own parameters come first in the signature.
    """
    cls = dataclass(kw_only=True, eq=False, repr=False)(cls)
    signature = inspect.signature(cls.__init__)
    introduced = {
        name: depth
        for depth, base in enumerate(cls.__mro__)
        for name in vars(base).get("__annotations__", {})
    }  # by the class farthest up
    parameters = sorted(
        signature.parameters.values(), key=lambda p: introduced.get(p.name, -1)
    )
    cls.__init__.__signature__ = signature.replace(parameters=parameters)
    return fill_docstring(cls)
