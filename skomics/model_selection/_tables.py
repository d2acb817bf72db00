"""Tables of several modalities whose samples scikit-learn's searches can take."""

from skomics._blocks import take_rows

__all__ = ["OmicsTables", "as_indexable"]


class OmicsTables(dict):
    """A dict of tables, with equal rows, that scikit-learn takes samples of.

    scikit-learn counts samples by `shape`, where there is one, and takes them by `take`
    of what has an `iloc`; a plain dict has as many samples as tables for it. To all of
    skomics it is the dict that it is.
    """

    @property
    def shape(self):
        """Number of samples, and of features of all modalities."""
        shapes = [table.shape for table in self.values()]
        return shapes[0][0], sum(shape[1] for shape in shapes)

    iloc = None  # the sign that there is `take`, which splits always use

    def take(self, indices, axis=0):
        """Return some of the samples.

        Parameters
        ----------
        indices : ndarray of int
            Which.

        axis : {0}, default=0
            Samples.

        Returns
        -------
        tables : OmicsTables
            All modalities of these samples.
        """
        return OmicsTables(take_rows(dict(self), indices))


def as_indexable(X):
    """Return an input whose samples scikit-learn can count and take.

    Parameters
    ----------
    X : DataFrame, AnnData, array, sparse matrix or dict of tables
        As :func:`skomics.calibration._held_out.read_samples` returns it.

    Returns
    -------
    X : same type, or OmicsTables
        A dict becomes a dict that can.
    """
    return OmicsTables(X) if isinstance(X, dict) else X
