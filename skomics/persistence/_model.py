"""`save_model` and `load_model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn import __version__ as sklearn_version
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from skomics import __version__
from skomics._container import digest, read_file, write_file
from skomics._warnings import warn
from skomics.persistence._reader import Reader
from skomics.persistence._writer import Writer, type_name

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = ["load_model", "save_model"]

FORMAT = 2


def save_model(model: BaseEstimator, path: StrPath) -> None:
    """Write a fitted model to a file without pickle.

    Any fitted classifier or transformer of skomics can be saved, and pipelines,
    searches and ensembles of them with those estimators of scikit-learn that are data:
    imputers, scalers, selectors, encoders, linear models, trees and forests, kernel
    models, naive Bayes, nearest neighbors, `MLPClassifier`, with the scores and
    splitters that they name. docs/saving.md has the list.

    Parameters
    ----------
    model : estimator
        A fitted estimator, trained on any device.

    path : str or path-like
        The file to write, conventionally with the suffix ".safetensors". A file that is
        there is replaced only once the new one is complete, and keeps its permissions.

    Raises
    ------
    TypeError
        If the model is no estimator, or holds something that cannot be rebuilt without
        running code: callbacks of scikit-learn, functions of one's own, compiled
        objects, classes of other packages. The message says where. Nothing is written.

    ValueError
        If `path` has the suffix of pickles, or if `load_model` would refuse the file,
        for instance because a weight is NaN. Nothing is written.

    NotFittedError
        If the model is not fitted.

    FileNotFoundError
        If there is no such folder.

    OSError
        If the file cannot be written, for instance because the disk is full. A file
        that was there is as it was.

    Warns
    -----
    UserWarning
        If `callbacks` or `net_params` are set: they are not in the file.

    See Also
    --------
    load_model : Reads the file.

    Notes
    -----
    The file is a safetensors file whose metadata hold JSON; the same model makes the
    same bytes. What acts on the machine is not in it: `callbacks`, `checkpoint`,
    `memory`, `n_jobs`, `n_threads`, `net_params`, `pre_dispatch` and `verbose` have
    their defaults in the loaded model.

    **The file holds training data where the model does**: the graph models link a new
    sample to their training samples, and nearest neighbors and kernel models keep
    theirs. `BlockRidgeClassifier`, and a network with such a path, keeps a row of
    logits of each training sample. Beside that, the networks keep weights, column
    means and the names of features and classes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics import EFNNClassifier, load_model, save_model
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = EFNNClassifier(max_epochs=5, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "subtypes.safetensors"
    ...     save_model(model, path)
    ...     loaded = load_model(path)
    >>> (loaded.predict_proba(X) == model.predict_proba(X)).all()
    np.True_
    """
    if not isinstance(model, BaseEstimator):
        raise TypeError(
            f"Got a {type_name(model)} to save. Give a fitted estimator of skomics or "
            "scikit-learn, or a pipeline of them."
        )
    check_is_fitted(model)
    writer = Writer()
    structure = writer.encode(model, "model")
    header = {
        "format": FORMAT,
        "skomics_version": __version__,
        "sklearn_version": sklearn_version,
        "model": structure,
    }
    header["sha256"] = digest(header, writer.tensors)
    _warn_of_what_is_lost(writer.left_out)
    write_file(path, header, writer.tensors, check=_raise_if_unreadable)


def _warn_of_what_is_lost(places):
    """Say what was set and is not in the file, and what to do about it."""
    if places:
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        warn(
            f"{', '.join(places[:3])}{more} cannot be in a model file, which holds no "
            "code: the loaded model predicts the same, but has None there. Set it "
            "again with set_params before you fit the loaded model again; set it to "
            "None before you save to do without this warning."
        )


def _raise_if_unreadable(header, tensors, size):
    """Refuse to write what could not be read: a model that is not whole."""
    try:
        Reader(tensors, size).read(header["model"])
    except Exception as error:
        raise ValueError(
            f"The model is not whole, and load_model would refuse its file ({error}). "
            "Check the data and fit it again."
        ) from error


def load_model(path: StrPath) -> BaseEstimator:
    """Read a model that `save_model` wrote, without running code from the file.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    model : estimator
        The fitted model; it gives the predictions of the one that was saved, bit for
        bit on the same kind of machine. Where the device it asks for by name is missing
        it is on the CPU.

    Raises
    ------
    ValueError
        If the file is damaged, was not written by `save_model`, has another format,
        names what is not on the list, or holds a model that is not whole.

    FileNotFoundError
        If there is no such file.

    Warns
    -----
    InconsistentVersionWarning
        If a step of scikit-learn was saved with another version of it.

    See Also
    --------
    save_model : Writes the file, and has an example.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics import BlockRidgeClassifier, load_model, save_model
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = BlockRidgeClassifier().fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     save_model(model, Path(folder, "model.safetensors"))
    ...     loaded = load_model(Path(folder, "model.safetensors"))
    >>> loaded
    BlockRidgeClassifier()
    """
    header, tensors, size = read_file(path)
    wrote = (
        f"skomics {header.get('skomics_version')!s:.30} with scikit-learn "
        f"{header.get('sklearn_version')!s:.30}"
    )
    _check_format(path, header.get("format"), wrote)
    if header.get("sha256") != digest(header, tensors):
        raise ValueError(
            f"{path} is damaged: its content does not have the checksum that it was "
            "written with. Get it again from where it was saved."
        )
    reader = Reader(tensors, size)
    try:
        model = reader.read(header.get("model"))
    except Exception as error:
        raise ValueError(
            f"{path}, of {wrote}, makes no model here: {error!s:.1000}. If you trust "
            "where it is from, install the versions that wrote it; else delete it."
        ) from error
    _check_model(path, model)
    written_with = header.get("sklearn_version")
    if reader.of_sklearn and written_with != sklearn_version:
        warning = InconsistentVersionWarning(
            estimator_name=reader.of_sklearn[0],
            current_sklearn_version=sklearn_version,
            original_sklearn_version=f"{written_with!s:.30}",
        )
        warn(warning)
    return model


def _check_format(path, found, wrote):
    if found == FORMAT:
        return
    if found == 1:
        raise ValueError(
            f"{path} has format 1, of {wrote}, which is no longer read: its safety "
            "could not be checked. Fit the model again and save it with skomics "
            f"{__version__}."
        )
    raise ValueError(
        f"{path} has format {found!r:.30}, of {wrote}, but skomics {__version__} reads "
        f"format {FORMAT}. Use the version that wrote it, or a newer one."
    )


def _check_model(path, model):
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"{path} holds a {type_name(model)}, not an estimator.")
    try:
        check_is_fitted(model)
    except Exception as error:
        raise ValueError(f"{path} holds a model that is not fitted: {error}") from error
