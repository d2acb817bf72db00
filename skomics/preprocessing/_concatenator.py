"""One table from several modalities, each preprocessed on its own."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_array, check_consistent_length, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from skomics._blocks import (
    Block,
    is_matrix,
    read_blocks,
    stack_matrices,
    to_pandas,
)
from skomics._compat import (
    HasMethods,
    StrOptions,
    VisualBlockMixin,
    _check_feature_names_in,
    _check_method_params,
    _fit_context,
    _raise_for_params,
    _safe_indexing,
    check_library_installed,
    get_output_config,
    get_param_names,
    set_output_config,
)
from skomics._feature_names import describe_mangling
from skomics._layout import SEPARATOR, UNNAMED, mark_as_named
from skomics._modality import (
    mark_as_screened,
    modality_mask,
    warn_if_informative_missingness,
)
from skomics._named_sparse import name_columns
from skomics._optional import import_optional
from skomics._parallel import run_parallel
from skomics._rows import check_same_samples, quote_values
from skomics._stream import open_stream
from skomics._transaction import adopt, draft_of, whole
from skomics._validation import check_labels
from skomics._warnings import warn
from skomics.preprocessing._nan_columns import take_or_nan, try_missing_features
from skomics.preprocessing._receipt import begin_receipt, receipt_of
from skomics.preprocessing._stream_fit import fit_on_stream

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike, OmicsNames, TableLike

__all__ = ["OmicsConcatenator"]

# The transformers of the blocks judge types and missing values, not this class.
_MATRIX_CHECKS = {"accept_sparse": "csr", "dtype": None, "ensure_all_finite": False}
# A transformer such as OneHotEncoder gives a sparse matrix whatever it is given. It is
# made dense if it has no more columns than this, or than so many times its input has.
_FEW_COLUMNS, _FEW_TIMES = 4096, 4
# Blocks of so few columns are clinical values sooner than measurements.
_NARROW = 2
_OUTPUTS = ("default", "numpy", "pandas", "polars")


def _is_passthrough(transformer):
    is_word = isinstance(transformer, str) and transformer == "passthrough"
    return transformer is None or is_word


def _is_drop(transformer):
    return isinstance(transformer, str) and transformer == "drop"


def _is_estimator(transformer):
    return not (_is_passthrough(transformer) or _is_drop(transformer))


def _with_nan_rows(name, output, data, present):
    """Put what a transformer gave back to its rows, with NaN in the others."""
    matrix = _as_matrix(name, output, data)
    dtype = np.result_type(matrix.dtype, np.float32)
    shape = (len(present), matrix.shape[1])
    if sparse.issparse(matrix):
        empty = np.full((shape[0] - matrix.shape[0], shape[1]), np.nan, dtype=dtype)
        stacked = sparse.vstack([matrix, type(matrix)(empty)], format="csr")
        return stacked[np.argsort(np.argsort(~present, kind="stable"))]
    filled = np.full(shape, np.nan, dtype=dtype)
    filled[present] = matrix
    columns = getattr(output, "columns", None)
    return filled if columns is None else pd.DataFrame(filled, columns=list(columns))


def _only_present(data, y, params, present):
    """Return what belongs to the samples that have the modality."""
    if y is not None:
        y = _safe_indexing(y, present)
    indexed = {
        method: _check_method_params(data, params[method], indices=present)
        for method in params
    }
    return _safe_indexing(data, present), y, indexed


def _fill_gaps(transform, name, transformer, *given):
    """Let a transformer see the gaps of a narrow block; None if it does not fill them.

    In a column or two a gap is sooner a value that was not recorded than a measurement
    that was not made.
    """
    if transform is _fit_transform_block:
        transformer = clone(transformer)
    try:
        result = transform(name, transformer, *given, None)
        output = result[0] if isinstance(result, tuple) else result
        is_filled = modality_mask(_as_matrix(name, output, given[0])).all()
    except (TypeError, ValueError):
        return None
    return result if is_filled else None


def _fit_transform_block(name, transformer, data, y, params, present):
    """Fit a transformer on one block; an error gets a note that names the omics."""
    if present is not None and data.shape[1] <= _NARROW:
        filled = _fill_gaps(_fit_transform_block, name, transformer, data, y, params)
        if filled is not None:
            return filled
    if present is not None:
        part = _only_present(data, y, params, present)
        output, transformer = _fit_transform_block(name, transformer, *part, None)
        return _with_nan_rows(name, output, part[0], present), transformer
    try:
        if hasattr(transformer, "fit_transform"):
            output = transformer.fit_transform(data, y, **params["fit_transform"])
        else:
            transformer.fit(data, y, **params["fit"])
            output = transformer.transform(data, **params["transform"])
    except Exception as error:
        error.add_note(
            f"This happened while fitting the transformer of omics {name!r}."
        )
        raise
    return output, transformer


def _transform_block(name, transformer, data, params, present):
    if present is not None and data.shape[1] <= _NARROW:
        filled = _fill_gaps(_transform_block, name, transformer, data, params)
        if filled is not None:
            return filled
    if present is not None and not present.any():
        return None
    if present is not None:
        data, _, params = _only_present(data, None, params, present)
        output = _transform_block(name, transformer, data, params, None)
        return _with_nan_rows(name, output, data, present)
    try:
        return transformer.transform(data, **params["transform"])
    except Exception as error:
        error.add_note(f"This happened while transforming omics {name!r}.")
        raise


def _frame_to_array(name, frame):
    """Return the values of a DataFrame: a view where pandas allows, never objects."""
    dtypes = frame.dtypes.unique()
    if len(dtypes) and all(isinstance(dtype, pd.SparseDtype) for dtype in dtypes):
        return frame.sparse.to_coo().tocsr()
    plain = {getattr(dtype, "numpy_dtype", dtype) for dtype in dtypes}
    if any(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in plain):
        values = frame.to_numpy()
        if values.dtype.kind in "biuf":
            return values
    dtype = np.float32 if plain == {np.dtype(np.float32)} else np.float64
    try:
        _raise_for_text(frame)
        return frame.to_numpy(dtype=dtype, na_value=np.nan)
    except (TypeError, ValueError) as error:
        bad = [column for column in frame if not _is_numeric(frame[column])]
        raise ValueError(
            f"Block '{name}' has {len(bad)} of {frame.shape[1]} columns that are not "
            f"numeric, e.g. {quote_values(bad)} ({frame[bad[0]].dtype}). The output is "
            "one table of numbers; drop these columns, or encode them with this "
            "block's transformer, for instance a OneHotEncoder."
        ) from error


def _raise_for_text(frame):
    # pandas would read the text "1.5" as a number without a word.
    if not all(_is_numeric(frame[column]) for column in frame):
        raise TypeError("not numeric")


def _has_nan(matrix):
    return np.isnan(matrix.data if sparse.issparse(matrix) else matrix).any()


def _is_numeric(column):
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    is_object = column.dtype == np.dtype(object)
    kinds = {"integer", "floating", "mixed-integer-float", "boolean", "empty"}
    return is_object and pd.api.types.infer_dtype(column, skipna=True) in kinds


def _is_sparse_table(data):
    if isinstance(data, pd.DataFrame):
        return all(isinstance(dtype, pd.SparseDtype) for dtype in data.dtypes)
    return sparse.issparse(data)


def _is_small(matrix, data):
    """Tell whether the sparse output for a dense block may as well be dense."""
    few = max(_FEW_COLUMNS, _FEW_TIMES * data.shape[1])
    return not _is_sparse_table(data) and matrix.shape[1] <= few


def _as_matrix(name, output, data):
    """Return what a transformer gave for a block as an array or csr of numbers."""
    n_samples = data.shape[0]
    output = to_pandas(output)
    if sparse.issparse(output):
        matrix = output.toarray() if _is_small(output, data) else output.tocsr()
    elif isinstance(output, pd.DataFrame):
        matrix = _frame_to_array(name, output)
    else:
        matrix = check_array(output, ensure_all_finite=False, ensure_min_features=0)
    if matrix.shape[0] != n_samples:
        raise ValueError(
            f"The transformer of block '{name}' returned {matrix.shape[0]} rows for "
            f"{n_samples} samples. It must return one row per sample, in the same "
            "order; remove steps that select or resample rows."
        )
    return matrix


def _names_after(transformer, features, output, n_features):
    """Return the feature names that a fitted transformer gives to its output."""
    names = None
    if _is_passthrough(transformer):
        names = features
    elif hasattr(transformer, "get_feature_names_out"):
        # A Pipeline has the method even if one of its steps has not.
        try:
            names = transformer.get_feature_names_out(features)
        except AttributeError:
            names = getattr(output, "columns", None)
    else:
        names = getattr(output, "columns", None)
    if names is not None and len(names) == n_features:
        return np.asarray([str(name) for name in names], dtype=object)
    prefix = "x" if _is_passthrough(transformer) else type(transformer).__name__.lower()
    return np.asarray([f"{prefix}{i}" for i in range(n_features)], dtype=object)


def _find_features(name, features, fitted):
    """Return the positions of the fitted features in those of a new block."""
    positions = features.get_indexer(fitted)
    missing = fitted[positions < 0]
    if len(missing):
        raise ValueError(
            f"Block '{name}' lacks {len(missing)} of the {len(fitted)} features seen "
            f"at fit time, e.g. {quote_values(missing)}. Give every fitted feature, in "
            "any order; add the missing columns (NaN if an imputer follows) or fit "
            f"again without them.{describe_mangling(features, fitted)}"
        )
    return positions


def _raise_for_unseen(name, features, fitted):
    unseen = features[~features.isin(fitted)]
    if len(unseen):
        raise ValueError(
            f"Block '{name}' has {len(unseen)} feature names unseen at fit time, e.g. "
            f"{quote_values(unseen)}; it was fitted with {len(fitted)} features. Drop "
            f"the new columns or fit again with them."
            f"{describe_mangling(features, fitted)}"
        )


def _find_enough(name, features, fitted):
    """Return positions of the fitted features, -1 for those that are not there."""
    positions = features.get_indexer(fitted)
    n_found = int((positions >= 0).sum())
    if 2 * n_found < len(fitted):
        raise ValueError(
            f"Block '{name}' has {n_found} of the {len(fitted)} features seen at fit "
            "time, fewer than half, which is sooner a matter of names than of missing "
            f"features: it has {quote_values(features)}, fit had "
            f"{quote_values(fitted)}. Match them with "
            "skomics.preprocessing.align_features, or leave the modality out."
            f"{describe_mangling(features, fitted)}"
        )
    return positions


class OmicsConcatenator(  # type: ignore[call-arg]  # a keyword of scikit-learn's
    VisualBlockMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Put several modalities side by side in one table, preprocessing each on its own.

    A modality block is a named group of columns. Each block gets its own clone of
    `transformer`, fitted on that block only, so that scaling and feature selection
    happen per modality and, in a :class:`~sklearn.pipeline.Pipeline`, inside the
    cross-validation fold. The output's columns are called `omics__feature`, by
    which a classifier knows the omics again.

    Parameters
    ----------
    transformer : estimator, dict or "passthrough", default=None
        What is done to each block before the blocks are put together.

        - None or "passthrough": nothing.
        - A transformer: one clone per modality. Its parameters can be searched as
          `transformer__<parameter>`.
        - A dict of omics name to transformer, None, "passthrough" or "drop", with
          one entry for each modality. Entries can be set as `<omics>` and their
          parameters as `<omics>__<parameter>`.

    omics : sequence or dict, default=None
        For an input that names its modalities, the names of those to keep, in the order
        wanted; None keeps all as found. For an array, a sparse matrix or a
        DataFrame without omics in its column names, which columns form a block:
        block sizes (blocks are called `omics_0`, `omics_1`, and so on), a dict of
        name to size or to columns, or one label per column; None makes it a single
        block without a name.

    missing_omics : {"keep", "transform"}, default="keep"
        What becomes of samples that lack a named modality, all of whose values there
        are NaN. "keep": its transformer sees only the samples that have it, and the
        others keep NaN, for the classifiers of skomics to do without; a modality may
        then be left out of the input of `transform` altogether. In a block of one or
        two columns, say age, NaN is a gap: its transformer sees all samples if it
        fills gaps, and a warning says so if it does not. "transform": the
        transformer sees all samples, so that an imputer fills them in, for
        classifiers that need numbers.

    extra_features : {"error", "drop"}, default="error"
        What `transform` does with features, and modalities, that were not there at fit
        time: an error, or it leaves them out. Where X also lacks a modality, another
        one that was not there remains an error: it may be the same by another name.

    missing_features : {"error", "nan"}, default="error"
        What `transform` does where features are lacking: an error, or columns of NaN,
        which an imputer must fill: best the first step of the transformer. `fit` tries
        it out. If a transformer refuses NaN, that is an error, and if it leaves them,
        a warning, because a step after this one then has to fill them. It remains
        an error if more than half of the features of a modality are lacking.
        :func:`~skomics.preprocessing.align_features` knows other spellings, too, and
        tells what it has found.

    n_jobs : int, default=None
        Number of blocks to be fitted or transformed at the same time, by joblib.

    Attributes
    ----------
    omics_ : tuple of str
        Names of the modalities in the output.

    transformers_ : dict of str to estimator or "passthrough"
        The fitted transformer of each modality in `omics_`.

    block_slices_ : dict of str to slice
        Where each modality is in the output.

    block_sizes_ : tuple of int
        Number of output columns of each modality.

    fit_receipt_ : dict
        What `fit` saw: its samples, modalities and features, how many samples lack
        each modality, which features each transformer left out, parameters and
        versions, and `learned`, a digest of the fitted transformers. Equal receipts
        mean equal outputs.

    n_features_in_ : int
        Number of features of all modalities seen during fit, those that are not
        selected included.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features seen during fit, flat (`omics__feature`) for inputs
        that name their modalities. Defined only if the input names its features.

    See Also
    --------
    sklearn.compose.ColumnTransformer : Transforms groups of columns chosen by
        position, name or type.

    Notes
    -----
    The input may be a DataFrame with two column levels (omics, feature), a flat
    DataFrame with `omics__feature` names, a MuData, an AnnData, a dict or list of
    DataFrames, arrays or scipy sparse matrices, or one array or sparse matrix. Rows
    of several tables are matched by label, arrays by position. At `transform`,
    columns are matched by name, in any order; a single block without a name follows
    scikit-learn's convention, by which the order must be that of `fit`.

    The output is a pandas DataFrame with the sample ids as index, unless
    `set_output` or :func:`sklearn.set_config` asks for polars, or `set_output` for
    "numpy". A single unnamed block keeps its feature names. Sparse blocks stay
    sparse: if a block's output is sparse, the whole output is one AnnData for MuData
    and AnnData inputs; otherwise one csr, which keeps the names of its columns and
    modalities for the classifiers of skomics; a DataFrame of sparse columns if
    pandas output is asked for, which takes seconds for 100,000 columns; and with
    "numpy" a bare csr whose blocks are told by `block_sizes_`. Where a transformer
    gives sparse output for a dense block, as `OneHotEncoder` does, this is made dense
    unless it has more than 4,096 columns and four times those of the block.

    An AnnData or a MuData that stays on disk (``backed="r"``, zarr, dask) is not read
    into memory: transformers learn from it some samples after others, in one pass for
    each step, and what comes back reads it when it is asked for samples. They need
    `partial_fit`, or nothing to learn; see docs/long_data.md.

    Single missing and infinite values pass; the transformers, or the classifier that
    follows, judge them. Where `y` is given and missing values alone tell its classes
    apart, :class:`~skomics.exceptions.InformativeMissingnessWarning` says so.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.preprocessing import OmicsConcatenator
    >>> from sklearn.preprocessing import StandardScaler
    >>> rna = pd.DataFrame({"TP53": [1.0, 3.0], "EGFR": [2.0, 6.0]}, index=["p1", "p2"])
    >>> cnv = pd.DataFrame({"TP53": [0.0, 4.0]}, index=["p2", "p1"])
    >>> OmicsConcatenator(StandardScaler()).fit_transform({"rna": rna, "cnv": cnv})
        rna__TP53  rna__EGFR  cnv__TP53
    p1       -1.0       -1.0        1.0
    p2        1.0        1.0       -1.0
    """

    _parameter_constraints = {
        "transformer": [
            HasMethods(["fit", "transform"]),
            StrOptions({"passthrough"}),
            dict,
            None,
        ],
        "omics": ["array-like", dict, None],
        "missing_omics": [StrOptions({"keep", "transform"})],
        "extra_features": [StrOptions({"error", "drop"})],
        "missing_features": [StrOptions({"error", "nan"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        transformer: BaseEstimator
        | Mapping[str, Any]
        | Literal["passthrough"]
        | None = None,
        *,
        omics: OmicsNames | None = None,
        missing_omics: Literal["keep", "transform"] = "keep",
        extra_features: Literal["error", "drop"] = "error",
        missing_features: Literal["error", "nan"] = "error",
        n_jobs: int | None = None,
    ) -> None:
        self.transformer = transformer
        self.omics = omics
        self.missing_omics = missing_omics
        self.extra_features = extra_features
        self.missing_features = missing_features
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    @whole
    def fit(self, X: OmicsLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Fit one transformer per modality.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            The omics of the samples; see the notes of the class.

        y : array-like of shape (n_samples,), default=None
            Targets, handed to the transformers.

        **params : dict
            Metadata routed to the transformers; needs
            `sklearn.set_config(enable_metadata_routing=True)`.

        Returns
        -------
        self : OmicsConcatenator
            The fitted transformer.
        """
        _raise_for_params(params, self, "fit")
        stream = open_stream(X)
        if stream is None:
            self._fit_blocks(X, y, "fit", params)
        else:
            fit_on_stream(self, stream, y)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_transform(
        self, X: OmicsLike, y: ArrayLike | None = None, **params: Any
    ) -> TableLike:
        """Fit one transformer per modality and return the concatenated omics.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            The omics of the samples; see the notes of the class.

        y : array-like of shape (n_samples,), default=None
            Targets, handed to the transformers.

        **params : dict
            Metadata routed to the transformers.

        Returns
        -------
        Xt : DataFrame, AnnData, ndarray or csr
            The omics side by side.
        """
        _raise_for_params(params, self, "fit_transform")
        draft, stream = draft_of(self), open_stream(X)
        if stream is not None:
            fit_on_stream(draft, stream, y)
            adopt(self, draft)
            return stream.then(draft)
        matrices, read = draft._fit_blocks(X, y, "fit_transform", params)
        Xt = draft._assemble(matrices, read.rows, read.is_annotated)
        adopt(self, draft)
        return Xt if y is None else mark_as_screened(Xt)

    def transform(self, X: OmicsLike, **params: Any) -> TableLike:
        """Transform each modality and put them side by side.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples with the omics and features seen during fit. Columns are matched
            by name.

        **params : dict
            Metadata routed to the transformers.

        Returns
        -------
        Xt : DataFrame, AnnData, ndarray or csr
            The omics side by side.
        """
        _raise_for_params(params, self, "transform")
        check_is_fitted(self)
        stream = open_stream(X)
        if stream is not None:
            self.transform(stream.read(np.arange(1)), **params)  # what is wrong is said
            return stream.then(draft_of(self))
        blocks, rows, is_annotated = self._read_new(X)
        routed = process_routing(self, "transform", **params)
        n_samples = next(iter(blocks.values())).data.shape[0]
        present = self._modality_masks(blocks)
        outputs = {
            name: block.data
            for name, block in blocks.items()
            if present[name] is None or present[name].any()
        }
        names = [n for n in blocks if _is_estimator(self.transformers_[n])]
        parts = [
            (
                name,
                self.transformers_[name],
                blocks[name].data,
                routed[self._route(name)],
                present[name],
            )
            for name in names
        ]
        results = run_parallel(_transform_block, parts, n_jobs=self.n_jobs)
        outputs.update(zip(names, results, strict=True))
        matrices = [
            _as_matrix(name, outputs[name], blocks[name].data)
            if outputs.get(name) is not None
            else np.full((n_samples, size), np.nan, dtype=np.float32)
            for name, size in zip(self.omics_, self.block_sizes_, strict=True)
        ]
        return self._assemble(matrices, rows, is_annotated)

    @property
    def fit_receipt_(self) -> dict[str, Any]:
        """What `fit` saw, and which features its transformers left out."""
        return receipt_of(self)

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> np.ndarray:
        """Return the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input columns. If the input named its features during fit,
            they must be the same.

        Returns
        -------
        names : ndarray of str
            `omics__feature`, or the names as they are for a single unnamed block.
        """
        check_is_fitted(self)
        input_features = _check_feature_names_in(
            self, input_features, generate_names=False
        )
        if input_features is None or hasattr(self, "feature_names_in_"):
            return self._names_out
        columns = dict(self._layout.items())
        names = {}
        for name, size in zip(self.omics_, self.block_sizes_, strict=True):
            features = input_features[columns[name]]
            names[name] = _names_after(self.transformers_[name], features, None, size)
        return self._flat_names(names)

    def set_output(
        self,
        *,
        transform: Literal["default", "pandas", "polars", "numpy"] | None = None,
    ) -> Self:
        """Choose the container of the output.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", "numpy"}, default=None
            "default" is pandas, or AnnData or csr for sparse blocks; "numpy" is the
            bare matrix, csr for sparse blocks. None changes nothing.

        Returns
        -------
        self : OmicsConcatenator
            This transformer.
        """
        if transform is None:
            return self
        if transform not in _OUTPUTS:
            raise ValueError(
                f"Got transform={transform!r}. The output can be "
                f"{quote_values(_OUTPUTS, 4)}; choose one of these."
            )
        set_output_config(self, transform)
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with those of the transformers if asked.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the transformers' parameters, and the entries of a
            dict of transformers under the names of the modalities.

        Returns
        -------
        params : dict
            Parameter names and values.
        """
        params = super().get_params(deep=deep)
        if not deep:
            return params
        for name, transformer in self._searchable_entries().items():
            params[name] = transformer
            if hasattr(transformer, "get_params") and not isinstance(transformer, type):
                nested = transformer.get_params(deep=True)
                params.update(
                    (f"{name}__{key}", value) for key, value in nested.items()
                )
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the transformers included.

        Parameters
        ----------
        **params : dict
            Names as in `get_params`, with their values.

        Returns
        -------
        self : OmicsConcatenator
            This transformer.
        """
        if "transformer" in params:
            self.transformer = params.pop("transformer")
        entries = self._searchable_entries()
        replaced = {name: params.pop(name) for name in entries if name in params}
        if replaced:
            given = cast("Mapping[str, Any]", self.transformer)  # it has entries
            self.transformer = {**given, **replaced}
        return super().set_params(**params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata goes to which transformer.

        Returns
        -------
        routing : MetadataRouter
            The routing, with one entry per modality for a dict of transformers.
        """
        router = MetadataRouter(owner=self)
        for name, transformer in self._estimators().items():
            mapping = MethodMapping().add(caller="transform", callee="transform")
            callees = ["fit_transform"]
            if not hasattr(transformer, "fit_transform"):
                callees = ["fit", "transform"]
            for callee in callees:
                mapping.add(caller="fit", callee=callee)
                mapping.add(caller="fit_transform", callee=callee)
            router.add(method_mapping=mapping, **{name: transformer})
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = [
            get_tags(t).input_tags
            for t in self._estimators().values()
            # Others are rejected with a clear error in fit.
            if hasattr(t, "__sklearn_tags__")
        ]
        tags.input_tags.sparse = all(t.sparse for t in inner)
        tags.input_tags.allow_nan = all(t.allow_nan for t in inner)
        # A DataFrame has no one dtype that scikit-learn's check could look at.
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _parallel_parts(self):
        if hasattr(self, "transformers_"):
            entries = self.transformers_
        elif isinstance(self.transformer, dict):
            entries = self.transformer
        else:
            entries = {"each modality": self.transformer}
        transformers = ["passthrough" if t is None else t for t in entries.values()]
        return list(map(str, entries)), transformers

    def __getstate__(self):
        """Return a state without pandas' indexes, whose pickles age with pandas."""
        state = dict(super().__getstate__())
        if "_features_in" in state:
            state["_features_in"] = {
                name: None if index is None else index.to_numpy(dtype=object)
                for name, index in self._features_in.items()
            }
            state["_columns_in"] = self._column_levels()
        return state

    def _column_levels(self):
        """Return an array of labels for each level of the columns, or None."""
        columns = self._columns_in
        if columns is None:
            return None
        levels = [
            columns.get_level_values(i).to_numpy() for i in range(columns.nlevels)
        ]
        if not all(level.dtype.kind in "OUbiuf" for level in levels):
            return None  # they are then matched by name
        names = getattr(self, "feature_names_in_", None)
        if len(levels) == 1 and names is not None and np.array_equal(levels[0], names):
            return [names]
        return levels

    def __setstate__(self, state):
        """Make pandas' indexes of the names again."""
        state = dict(state)
        if "_features_in" in state:
            state["_features_in"] = {
                name: None if names is None else pd.Index(names)
                for name, names in state["_features_in"].items()
            }
            levels = state["_columns_in"]
            if levels is not None:
                is_flat = len(levels) == 1
                make = pd.MultiIndex.from_arrays
                levels = pd.Index(levels[0]) if is_flat else make(levels)
            state["_columns_in"] = levels
        super().__setstate__(state)

    def _searchable_entries(self):
        """Return the dict's entries that do not hide a constructor parameter."""
        if not isinstance(self.transformer, dict):
            return {}
        own = get_param_names(self)
        return {
            name: transformer
            for name, transformer in self.transformer.items()
            if isinstance(name, str) and name not in own
        }

    def _estimators(self):
        """Return the unfitted transformers that are estimators, by routing name."""
        entries = self.transformer
        if not isinstance(entries, dict):
            entries = {"transformer": entries}
        return {name: t for name, t in entries.items() if _is_estimator(t)}

    def _route(self, name):
        return name if isinstance(self.transformer, dict) else "transformer"

    def _fit_blocks(self, X, y, method, params):
        read = self._read_fit(X)
        if y is not None:
            check_consistent_length(next(iter(read.blocks.values())).data, y)
            check_same_samples(read.rows, y, "y")
            y = check_labels(y)
            tables = {name: block.data for name, block in read.blocks.items()}
            warn_if_informative_missingness(tables, y)
        transformers = self._assign_transformers(read.layout.names)
        present = self._modality_masks(read.blocks)
        for name in transformers:
            self._check_someone_has(name, present[name])
        self._fit_receipt = begin_receipt(self, read.blocks, present)
        routed = process_routing(self, method, **params)
        names = [name for name, t in transformers.items() if _is_estimator(t)]
        parts = [
            (
                name,
                clone(transformers[name]),
                read.blocks[name].data,
                y,
                routed[self._route(name)],
                present[name],
            )
            for name in names
        ]
        results = run_parallel(_fit_transform_block, parts, n_jobs=self.n_jobs)
        fitted = dict(zip(names, results, strict=True))
        if self.missing_features == "nan" and not any(
            routed[self._route(name)]["transform"] for name in names
        ):
            self._try_missing_features(read.blocks, transformers, fitted, present)
        return self._record(read, transformers, fitted), read

    def _read_fit(self, X):
        """Read the input and learn its names."""
        X = to_pandas(X)
        is_bare = is_matrix(X)
        if is_bare:
            X = validate_data(self, X, **_MATRIX_CHECKS)
        read = read_blocks(X, self.omics)
        self._layout = read.layout
        self._is_split_by_parameter = read.is_split_by_parameter
        self._columns_in = X.columns if isinstance(X, pd.DataFrame) else None
        if isinstance(X, pd.DataFrame) and not read.layout.is_named:
            validate_data(self, X, skip_check_array=True)
            if not hasattr(self, "feature_names_in_"):
                read.blocks[read.layout.names[0]] = Block(X, None, X.index)
        elif not is_bare:
            self.n_features_in_ = read.layout.n_features
            self._set_feature_names_in(read.feature_names)
        self._features_in = {name: b.features for name, b in read.blocks.items()}
        for name, block in read.blocks.items():
            self._check_not_empty(name, block.data.shape)
        return read

    def _modality_masks(self, blocks):
        """Return, for each modality that samples lack, who has it; else None."""
        if self.missing_omics == "transform" or not self._layout.is_named:
            return dict.fromkeys(blocks)
        masks = {name: modality_mask(block.data) for name, block in blocks.items()}
        return {name: None if mask.all() else mask for name, mask in masks.items()}

    def _warn_of_gaps(self, name, data, matrix):
        """Say that gaps of a narrow block count as a modality that is not there."""
        is_kept = self.missing_omics == "keep" and self._layout.is_named
        if not is_kept or data.shape[1] > _NARROW:
            return
        present = modality_mask(matrix)
        if present.all():
            return
        warn(
            f"{(~present).sum()} of {len(present)} samples have no value in block "
            f"'{name}', and count as samples without that modality, whose values stay "
            "NaN. If these are gaps, put an imputer first in the transformer of this "
            "block, or pass missing_omics='transform'."
        )

    def _try_missing_features(self, blocks, transformers, fitted, present):
        """Raise if a transformer refuses columns of NaN, warn if it leaves them."""
        leaving = []
        for name, transformer in transformers.items():
            data = blocks[name].data
            if name not in fitted:
                if not _is_drop(transformer):
                    leaving.append(name)
                continue
            try:
                output = try_missing_features(fitted[name][1], data, present[name])
            except (TypeError, ValueError) as error:
                raise ValueError(
                    "missing_features is 'nan', but the transformer of block "
                    f"'{name}', {transformer}, refuses NaN. Put an imputer first, as "
                    "in make_pipeline(SimpleImputer(), ...), or pass "
                    "missing_features='error'."
                ) from error
            if output is not None and _has_nan(_as_matrix(name, output, output)):
                leaving.append(name)
        if leaving:
            warn(
                "missing_features is 'nan', but the transformers of "
                f"{quote_values(leaving, 9)} leave NaN as they are. Put an imputer "
                "into them, as in make_pipeline(SimpleImputer(), ...); otherwise a "
                "later step has to take NaN, which the classifiers of skomics do for "
                "whole modalities only."
            )

    @staticmethod
    def _check_someone_has(name, present):
        if present is not None and not present.any():
            raise ValueError(
                f"Block '{name}' has no values for any of {len(present)} samples: all "
                "are NaN. Leave it out, for instance with omics=."
            )

    def _set_feature_names_in(self, names):
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    @staticmethod
    def _check_not_empty(name, shape):
        for number, what in zip(shape, ("sample(s)", "feature(s)"), strict=True):
            if number == 0:
                raise ValueError(
                    f"Block '{name}' has 0 {what} (shape={shape}) while a minimum of 1 "
                    "is required. Check how the table was read or selected."
                )

    def _assign_transformers(self, known):
        """Return the transformer of each selected omics, in the output's order."""
        selected = self._select_omics(known)
        if not isinstance(self.transformer, dict):
            return dict.fromkeys(selected, self.transformer)
        reserved = [name for name in self.transformer if name in get_param_names(self)]
        unknown = [name for name in self.transformer if name not in known]
        missing = [name for name in selected if name not in self.transformer]
        if reserved:
            raise ValueError(
                f"The dict of transformers has the key {quote_values(reserved)}, which "
                "is a parameter of OmicsConcatenator. Rename the omics."
            )
        if unknown or missing:
            raise ValueError(
                f"The dict of transformers names {len(unknown)} modalities that X "
                f"lacks ({quote_values(unknown) or 'none'}) and leaves out "
                f"{len(missing)} that it has ({quote_values(missing) or 'none'}). X "
                f"has {quote_values(known, 9)}; give one entry for each, 'drop' or "
                "'passthrough' if need be."
            )
        return {name: self._check_entry(name) for name in selected}

    def _check_entry(self, name):
        transformer = self.transformer[name]
        has_methods = hasattr(transformer, "fit") and hasattr(transformer, "transform")
        if _is_estimator(transformer) and not has_methods:
            raise TypeError(
                f"transformer[{name!r}] is {transformer!r}. It must be an estimator "
                "with fit and transform, None, 'passthrough' or 'drop'."
            )
        return transformer

    def _select_omics(self, known):
        if self.omics is None or self._is_split_by_parameter:
            return known
        if isinstance(self.omics, dict) or not all(
            isinstance(o, str) for o in self.omics
        ):
            raise ValueError(
                f"X names its modalities ({quote_values(known, 9)}), but omics= is "
                f"{self.omics!r}. Give None, or the names of the modalities to keep."
            )
        unknown = [name for name in self.omics if name not in known]
        if unknown or not len(self.omics) or len(set(self.omics)) < len(self.omics):
            raise ValueError(
                f"omics= selects {list(self.omics)!r}, but X has "
                f"{quote_values(known, 9)}. Select each modality at most once, at "
                "least one, and only those that X has."
            )
        return tuple(self.omics)

    def _record(self, read, transformers, fitted):
        """Learn the shape of the output, and return the blocks as matrices."""
        self.transformers_, matrices, names = {}, [], {}
        for name, transformer in transformers.items():
            if _is_drop(transformer):
                continue
            block = read.blocks[name]
            output, transformer = fitted.get(name, (block.data, "passthrough"))
            matrix = _as_matrix(name, output, block.data)
            self._warn_of_gaps(name, block.data, matrix)
            n_features = matrix.shape[1]
            if n_features == 0:
                raise ValueError(
                    f"Block '{name}' has 0 features left of {block.data.shape[1]} "
                    f"after {transformer}, but at least 1 is wanted. Loosen the "
                    "selection, or use 'drop' for this modality."
                )
            names[name] = _names_after(transformer, block.features, output, n_features)
            self.transformers_[name] = transformer
            matrices.append(matrix)
        if not matrices:
            raise ValueError(
                "No modality is left: the dict of transformers has 'drop' for all of "
                f"{quote_values(transformers, 9)}. Keep at least one."
            )
        self._set_output_layout(names)
        return matrices

    def _set_output_layout(self, names):
        self.omics_ = tuple(names)
        self.block_sizes_ = tuple(map(len, names.values()))
        ends = np.cumsum(self.block_sizes_).tolist()
        self.block_slices_ = {
            name: slice(end - size, end)
            for name, size, end in zip(
                self.omics_, self.block_sizes_, ends, strict=True
            )
        }
        self._names_out = self._flat_names(names)

    def _flat_names(self, names):
        if not self._layout.is_named:
            return next(iter(names.values()))
        flat = [
            f"{omics}{SEPARATOR}{feature}"
            for omics, features in names.items()
            for feature in features
        ]
        return np.asarray(flat, dtype=object)

    def _read_new(self, X):
        """Return the blocks of a new input with the fitted columns, and its rows."""
        X = to_pandas(X)
        is_frame = isinstance(X, pd.DataFrame)
        rows = X.index if is_frame else None
        if self._follows_sklearn(X):
            checks = {"skip_check_array": True} if is_frame else _MATRIX_CHECKS
            X = validate_data(self, X, reset=False, **checks)
            blocks, is_annotated = self._split(X), False
        elif (
            is_frame
            and self._columns_in is not None
            and X.columns.equals(self._columns_in)
        ):
            blocks, is_annotated = self._split(X), False
        elif is_frame and X.columns.nlevels == 1 and self._is_one_table:
            blocks, is_annotated = self._pick(Block(X, X.columns.map(str))), False
        else:
            is_split = self._is_split_by_parameter and hasattr(X, "n_vars")
            read = read_blocks(X, {UNNAMED: X.n_vars} if is_split else None)
            if read.is_split_by_parameter:
                blocks = self._pick(read.blocks[UNNAMED])
            else:
                self._check_omics(read.layout)
                blocks = {
                    name: self._match(name, read.blocks[name])
                    for name in self.omics_
                    if name in read.blocks
                }
            rows, is_annotated = read.rows, read.is_annotated
        for name, block in blocks.items():
            self._check_not_empty(name, block.data.shape)
        return blocks, rows, is_annotated

    def _follows_sklearn(self, X):
        """Tell whether columns are matched as scikit-learn does, by position."""
        if is_matrix(X):
            return True
        is_flat = isinstance(X, pd.DataFrame) and X.columns.nlevels == 1
        has_names = hasattr(self, "feature_names_in_")
        is_plain = not self._layout.is_named or not has_names
        return is_flat and is_plain and not (has_names and self._is_lenient)

    @property
    def _is_one_table(self):
        """Whether columns have names of their own, which tell no modalities."""
        return self._is_split_by_parameter or not self._layout.is_named

    @property
    def _is_lenient(self):
        return self.extra_features == "drop" or self.missing_features == "nan"

    def _split(self, X):
        """Cut a table whose columns are those of fit, in that order."""
        if not self._layout.is_named:
            return {self.omics_[0]: Block(X)}
        columns = dict(self._layout.items())
        blocks = {}
        for name in self.omics_:
            if isinstance(X, pd.DataFrame):
                data = X.iloc[:, columns[name]]
                if self._features_in[name] is not None:
                    data.columns = self._features_in[name]
            else:
                data = X[:, columns[name]]
            blocks[name] = Block(data)
        return blocks

    def _pick(self, whole):
        """Find the columns of fit by their own names, which name no modalities."""
        columns = whole.features
        if not columns.is_unique:
            repeated = columns[columns.duplicated()].unique()
            raise ValueError(
                f"{len(repeated)} column names of X occur more than once, e.g. "
                f"{quote_values(repeated)}, so columns cannot be matched by name. Give "
                "them in the order of fit, or use 'omics__feature' names."
            )
        if self.extra_features == "error":
            _raise_for_unseen("X", columns, pd.Index(self.feature_names_in_))
        blocks = {}
        for name in self.omics_:
            fitted = self._features_in[name]
            blocks[name] = self._take_features(name, whole, fitted)
            if isinstance(whole.data, pd.DataFrame):
                blocks[name].data.columns = fitted
        return blocks

    def _check_omics(self, layout):
        fitted = self._layout.names
        if self._layout.is_named and not layout.is_named:
            raise ValueError(
                f"X has {layout.n_features} columns that name no modalities, but the "
                f"modalities {quote_values(fitted, 9)} were seen at fit time. Name the "
                f"columns 'omics{SEPARATOR}feature' or give one table per modality."
            )
        unknown = [name for name in layout.names if name not in fitted]
        missing = [name for name in self.omics_ if name not in layout.names]
        if self.extra_features == "drop" and not missing:
            unknown = []
        if self.missing_omics == "keep" and len(missing) < len(self.omics_):
            missing = []
        if unknown or missing:
            raise ValueError(
                f"X has {len(unknown)} modalities unseen at fit time "
                f"({quote_values(unknown) or 'none'}) and lacks {len(missing)} that "
                f"are needed ({quote_values(missing) or 'none'}). Seen at fit time: "
                f"{quote_values(fitted, 9)}. Give the same modalities, in any order."
            )

    def _match(self, name, block):
        """Put the columns of a new block into the order of fit."""
        fitted, features = self._features_in[name], block.features
        if fitted is None or features is None:
            self._check_nameless(name, block)
            return block
        if features.equals(fitted):
            return block
        block = self._take_features(name, block, fitted)
        if self.extra_features == "error":
            _raise_for_unseen(name, features, fitted)
        return block

    def _take_features(self, name, block, fitted):
        """Return the fitted features of a block, in their order."""
        if self.missing_features == "error":
            positions = _find_features(name, block.features, fitted)
            return block.take_columns(positions)
        positions = _find_enough(name, block.features, fitted)
        return take_or_nan(block, positions, fitted)

    def _check_nameless(self, name, block):
        n_features = dict(zip(self._layout.names, self._layout.sizes, strict=True))[
            name
        ]
        if block.data.shape[1] != n_features:
            raise ValueError(
                f"Block '{name}' has {block.data.shape[1]} features, but "
                f"OmicsConcatenator is expecting {n_features} features as in fit. Give "
                "the same columns in the same order."
            )
        if (self._features_in[name] is None) != (block.features is None):
            has, had = ("no", "with") if block.features is None else ("", "without")
            warn(
                f"Block '{name}' has {has} feature names, but was fitted {had} feature "
                "names; columns are matched by position.".replace("  ", " ")
            )

    def _assemble(self, matrices, rows, is_annotated):
        """Put the matrices side by side in the container that is wanted."""
        kind = get_output_config(self) or get_config()["transform_output"]
        if any(map(sparse.issparse, matrices)):
            return self._assemble_sparse(matrices, rows, is_annotated, kind)
        Xt = self._stack(matrices)
        if kind == "numpy":
            return Xt
        if kind == "polars":
            polars = check_library_installed("polars")
            return polars.DataFrame(Xt, schema=list(self._names_out), orient="row")
        Xt = pd.DataFrame(Xt, index=rows, columns=self._names_out, copy=False)
        return mark_as_named(Xt) if self._layout.is_named else Xt

    def _stack(self, matrices):
        Xt = stack_matrices(matrices)
        is_input = _is_passthrough(self.transformers_[self.omics_[0]])
        # Nobody may overwrite the caller's table through the output.
        return Xt.copy() if len(matrices) == 1 and is_input else Xt

    def _assemble_sparse(self, matrices, rows, is_annotated, kind):
        if kind == "polars":
            raise ValueError(
                "The output is sparse, but polars output is asked for, which would "
                "make it dense. Use `set_output(transform='default')`, or a "
                "transformer with dense output."
            )
        Xt = self._stack(matrices)
        labels = np.repeat(np.array(self.omics_, dtype=object), self.block_sizes_)
        if kind == "pandas":
            Xt = pd.DataFrame.sparse.from_spmatrix(Xt, rows, self._names_out)
            return mark_as_named(Xt) if self._layout.is_named else Xt
        if kind == "numpy" or not (is_annotated or self._layout.is_named):
            return Xt
        if not is_annotated:
            return name_columns(Xt, self._names_out, labels)
        anndata = import_optional("anndata", extra="mudata")
        var = pd.DataFrame({"omics": labels}, index=self._names_out)
        return anndata.AnnData(Xt, obs=pd.DataFrame(index=rows), var=var)
