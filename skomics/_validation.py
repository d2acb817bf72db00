"""Input checks that several parts share."""

import numpy as np

__all__ = ["raise_if_not_finite"]


def raise_if_not_finite(block, name):
    """Raise an error that counts the NaN or infinite values of one modality.

    Parameters
    ----------
    block : ndarray of shape (n_samples, n_features)
        Values of the omics.

    name : str
        Name of the modality.

    Raises
    ------
    ValueError
        If there is a NaN or an infinite value.
    """
    for kind, is_bad, cure in (
        ("NaN", np.isnan, "Put an imputer, such as SimpleImputer, before the scaler"),
        ("infinity", np.isinf, "Replace values too large for float32, or take logs,"),
    ):
        bad = is_bad(block)
        if bad.any():
            n_samples, n_features = bad.any(axis=1).sum(), bad.any(axis=0).sum()
            raise ValueError(
                f"Omics {name!r} contains {kind}: {bad.sum()} value(s) in {n_samples} "
                f"of {bad.shape[0]} samples and {n_features} of {bad.shape[1]} "
                f"features, but finite numbers are wanted. {cure} in "
                "OmicsConcatenator."
            )
