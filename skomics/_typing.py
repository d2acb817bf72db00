"""Names for the types of the public API, for editors and type checkers.

They are imported under ``TYPE_CHECKING`` only, and what they name is text, so that no
package is loaded for them. What other packages do not describe (scikit-learn, pandas
and scipy ship no types) is whatever stubs the reader has of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike
    from typing import Literal

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData
    from numpy.typing import ArrayLike
    from scipy.sparse import sparray, spmatrix
    from sklearn.model_selection import BaseCrossValidator

    class HasFrame(Protocol):
        """An object around a DataFrame, such as results of a benchmark."""

        frame: pd.DataFrame


# A file or folder.
StrPath: TypeAlias = "str | PathLike[str]"

SparseMatrix: TypeAlias = "sparray | spmatrix"
# One matrix of numbers.
MatrixLike: TypeAlias = "ArrayLike | pd.DataFrame | sparray | spmatrix"
# Modalities side by side.
TableLike: TypeAlias = "MatrixLike | AnnData"
# Modalities in any of the forms that a concatenator reads.
OmicsLike: TypeAlias = (
    "TableLike | MuData | Mapping[str, TableLike] | Sequence[TableLike]"
)
# Which columns are of which modality.
OmicsNames: TypeAlias = "ArrayLike | Mapping[str, Any]"

RandomState: TypeAlias = "int | np.random.RandomState | None"
ClassWeight: TypeAlias = "dict[Any, float] | Literal['balanced'] | None"
GraphClassWeight: TypeAlias = (
    "dict[Any, float] | Literal['balanced', 'frequency'] | None"
)
CrossValidation: TypeAlias = "int | BaseCrossValidator | Iterable[Any] | None"
Scorer: TypeAlias = "str | Callable[..., Any]"
Scoring: TypeAlias = "Scorer | Sequence[str] | Mapping[str, Scorer]"
AxesGrid: TypeAlias = "Axes | Sequence[Axes] | np.ndarray"

# Sizes of layers, filters or strides, one for each or the same for all.
Sizes: TypeAlias = "int | Sequence[int] | np.ndarray"
AutoSizes: TypeAlias = "Literal['auto'] | Sizes"

Metric: TypeAlias = (
    "Literal['accuracy', 'f1_macro', 'f1_weighted', 'balanced_accuracy', 'mcc', "
    "'roc_auc']"
)
ResultPart: TypeAlias = "Literal['scored', 'learning_curves', 'ablation']"

# A Bunch, or what belongs to it as a tuple, as `return_X_y` says; a union would make
# each reader of the usual answer rule out the other one.
BunchOrXy: TypeAlias = Any
# A DataFrame, or two, as `return_predictions` says.
ResultsOrPair: TypeAlias = Any
