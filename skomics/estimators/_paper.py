"""The settings that the publications state, for comparison with them."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["paper_params"]

# What Pan et al. (2023) state is batch size, epochs, learning rate and weight
# decay. The other values are the literal reading of their text (a cls token, one
# linear map to tokens) and, where the text is silent, common choices.
_SMA = {
    "max_epochs": 500,
    "batch_size": 128,
    "lr": 3e-3,
    "weight_decay": 0.01,
    "optimizer": "adamw",
    "lr_schedule": "constant",
    "label_smoothing": 0.0,
    "class_weight": None,
    "n_tokens": 64,
    "d_model": 64,
    "n_heads": 4,
    "depth": 2,
    "d_feedforward": 128,
    "dropout": 0.1,
    "input_dropout": 0.0,
    "token_projection": "shared",
    "pooling": "cls",
    "share_weights": False,
    "linear_path": None,
    "n_ensemble": 1,
    "token_order": "given",
}
_KERAS_ADAM = {
    "optimizer": "adam",
    "lr_schedule": "constant",
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "class_weight": None,
}
_EFNN = {**_KERAS_ADAM, "lr": 1e-3, "batch_size": 8, "dropout": 0.1}
_EFNN_SIZES = (500, 100, 50)
# The late-fusion networks of Leng et al. share a head and its training.
_LATE = {
    **_KERAS_ADAM,
    "lr": 1e-4,
    "batch_size": 16,
    "max_epochs": 50,
    "head_layer_sizes": (100, 50, 10),
    "dropout": 0.1,
}
_LFCNN = {**_LATE, "stride": 1}
_EFCNN = {
    **_KERAS_ADAM,
    "lr": 1e-3,
    "batch_size": 8,
    "stride": 1,
    "head_layer_sizes": (50,),
    "dropout": 0.0,
}
_EFCNN_LARGE = {
    **_EFCNN,
    "n_filters": (32, 16),
    "kernel_size": (1000, 50),
    "pool_size": (100, 10),
    "max_epochs": 50,
}
# moGCN is MOGONET with fixed widths; moGAT shares its graph, stages and training.
# No script with moGAT's settings for simulated or single-cell data is published:
# those are moGCN's.
_GRAPH = {
    "graph": "threshold",
    "k": 10,
    "kernel": "cosine",
    "normalization": "rw",
    "pretrain_epochs": 500,
    "max_epochs": 2500,
    "pretrain_lr": 1e-3,
    "lr": 5e-4,
    "fusion_lr": 1e-3,
    "end_to_end": False,
    "batch_size": None,
    "weight_decay": 0.0,
    "optimizer": "adam",
    "lr_schedule": "constant",
    "label_smoothing": 0.0,
    "class_weight": "frequency",
}
_MOGCN = {**_GRAPH, "hidden_layer_sizes": (400, 400, 200), "dropout": 0.5}
_MOGAT = {
    **_GRAPH,
    "hidden_layer_sizes": (200,),
    "n_heads": 1,
    "slope": 0.5,
    "dropout": 0.2,
}
_LONG, _SHORT = {"pretrain_epochs": 1000}, {"max_epochs": 500}

_PARAMS = {
    "sma": dict.fromkeys(("simulated", "single_cell", "cancer"), _SMA),
    "efnn": {
        "simulated": {**_EFNN, "hidden_layer_sizes": _EFNN_SIZES, "max_epochs": 20},
        "single_cell": {
            **_EFNN,
            "hidden_layer_sizes": (2000, *_EFNN_SIZES),
            "max_epochs": 50,
        },
        "cancer": {**_EFNN, "hidden_layer_sizes": _EFNN_SIZES, "max_epochs": 50},
    },
    "lfnn": {
        "simulated": {**_LATE, "branch_layer_sizes": (100, 100)},
        "single_cell": {**_LATE, "branch_layer_sizes": (1000, 100), "batch_size": 32},
        "cancer": {**_LATE, "branch_layer_sizes": (500, 100)},
    },
    "lfcnn": {
        "simulated": {**_LFCNN, "n_filters": 8, "kernel_size": 10, "pool_size": 2},
        # One size per modality, in the order of the columns: RNA, ATAC.
        "single_cell": {
            **_LFCNN,
            "n_filters": 32,
            "kernel_size": (300, 100),
            "pool_size": (100, 50),
            "batch_size": 32,
        },
        # Expression, miRNA, methylation.
        "cancer": {
            **_LFCNN,
            "n_filters": 32,
            "kernel_size": (300, 100, 300),
            "pool_size": (100, 50, 100),
        },
    },
    "mogcn": {
        "simulated": {**_MOGCN, **_LONG},
        "single_cell": {**_MOGCN, **_SHORT},
        "cancer": _MOGCN,
    },
    "mogat": {
        "simulated": {**_MOGAT, **_LONG},
        "single_cell": {**_MOGAT, **_SHORT},
        "cancer": _MOGAT,
    },
    "efcnn": {
        "simulated": {
            **_EFCNN,
            "n_filters": (16, 8),
            "kernel_size": (10, 5),
            "pool_size": (10, 2),
            "max_epochs": 20,
        },
        "single_cell": _EFCNN_LARGE,
        "cancer": _EFCNN_LARGE,
    },
}


def paper_params(
    name: Literal["efcnn", "efnn", "lfcnn", "lfnn", "mogat", "mogcn", "sma"],
    task: Literal["simulated", "single_cell", "cancer"] = "cancer",
) -> dict[str, Any]:
    """Return the settings of a model in the publication that it comes from.

    The estimators' own defaults are what serves users best; these settings are
    for comparison with published figures.

    Parameters
    ----------
    name : {"efcnn", "efnn", "lfcnn", "lfnn", "mogat", "mogcn", "sma"}
        Stem of the model's name.

    task : {"simulated", "single_cell", "cancer"}, default="cancer"
        Kind of data, because some published settings depend on it.

    Returns
    -------
    params : dict
        Parameters for the classifier. The kernels and pools of lfCNN are one per
        modality, in the order of the columns: RNA and ATAC for "single_cell";
        expression, miRNA and methylation for "cancer". moGCN and moGAT weigh
        classes the wrong way round, as the published code does; their prediction
        stays independent of other samples unless ``inference="transductive"`` is added.

    Raises
    ------
    ValueError
        If there is no such model or task.

    References
    ----------
    SMA: Pan et al. (2023), arXiv:2308.10917. The others: Leng et al. (2022), Genome
    Biology 23:171, and the code published with it; moGCN is MOGONET, Wang et al.
    (2021), Nature Communications 12:3445.

    Examples
    --------
    >>> from skomics import SMAClassifier, paper_params
    >>> paper_params("sma")["batch_size"]
    128
    >>> SMAClassifier(**paper_params("sma")).max_epochs
    500
    """
    asked = ((name, _PARAMS, "model"), (task, _PARAMS["sma"], "task"))
    for given, known, kind in asked:
        if given not in known:
            raise ValueError(
                f"Got {kind} {given!r}, but published settings are kept for "
                f"{sorted(known)}."
            )
    return dict(_PARAMS[name][task])
