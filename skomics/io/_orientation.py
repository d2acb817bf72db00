"""What the rows of a table are, by the evidence of their names."""

from skomics._rows import quote_values
from skomics.io._names import guess_kind, is_feature_corner, is_sample_corner

__all__ = ["find_orientation"]


def find_orientation(table, reading):
    """Find out whether the rows of a table are samples or features.

    Parameters
    ----------
    table : RawTable
        The table.

    reading : Reading
        What was asked for; with ids, they alone count.

    Returns
    -------
    orientation : {"samples", "features"} or None
        What the rows are; None if nothing says so.

    Raises
    ------
    ValueError
        If there is evidence for both.
    """
    if table.is_oriented:
        return "samples"
    if reading.orientation != "auto":
        return reading.orientation
    if table.is_turned:
        return "features"
    if table.rows is None:
        evidence = _compare_lengths(table, reading.ids)
    elif reading.ids is not None:
        evidence = _compare_ids(table, reading.ids)
    else:
        evidence = _compare_names(table)
    if all(evidence.values()):
        raise ValueError(
            f"{table.file.name} has rows that look like samples, because "
            f"{evidence['samples']}, and like features, because "
            f"{evidence['features']}. Pass orientation='samples' or 'features'."
        )
    return next((rows for rows, reason in evidence.items() if reason), None)


def _compare_lengths(table, ids):
    n_rows, n_columns = table.values.shape
    n_ids = -1 if ids is None else len(ids)
    return {
        "samples": f"there are {n_ids} ids and rows" if n_ids == n_rows else "",
        "features": f"there are {n_ids} ids and columns" if n_ids == n_columns else "",
    }


def _compare_ids(table, ids):
    n_rows, n_columns = table.rows.isin(ids).sum(), table.columns.isin(ids).sum()
    # A chance hit, say of a sample called like a gene, does not outweigh the rest.
    return {
        "samples": f"{n_rows} rows are in ids" if 10 * n_rows > n_columns else "",
        "features": f"{n_columns} columns are in ids"
        if 10 * n_columns > n_rows
        else "",
    }


def _compare_names(table):
    rows, columns = guess_kind(table.rows), guess_kind(table.columns)
    corner = table.corner[0] if table.corner else ""
    samples = [
        f"{quote_values(table.rows, 1)} is a barcode" if rows == "samples" else "",
        f"column {quote_values(table.columns, 1)} is a feature"
        if columns == "features"
        else "",
        f"{corner!r} is over the rows" if is_sample_corner(corner) else "",
    ]
    features = [
        f"row {quote_values(table.rows, 1)} is a feature" if rows == "features" else "",
        f"column {quote_values(table.columns, 1)} is a barcode"
        if columns == "samples"
        else "",
        f"{corner!r} is over the rows" if is_feature_corner(corner) else "",
    ]
    return {
        "samples": " and ".join(filter(None, samples)),
        "features": " and ".join(filter(None, features)),
    }
