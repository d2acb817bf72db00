"""The simulated sets of the paper: published, and generated anew."""

from skomics.datasets import make_intersim

__all__ = ["PAPER_SIZES", "PUBLISHED_SETS", "make_paper_data"]

# Numbers of samples of the simulated sets of Leng et al. (2022), by the order of
# their clusters.
PAPER_SIZES = {
    "equal-5": (15, 25, 20, 20, 20),
    "equal-10": (15, *[10] * 8, 5),
    "equal-15": (*[7] * 10, *[6] * 5),
    "heterogeneous-5": (25, 35, 13, 19, 8),
    "heterogeneous-10": (2, 20, 10, 7, 10, 15, 13, 10, 8, 5),
    "heterogeneous-15": (5, 10, 8, 4, 3, 12, 3, 10, 3, 5, 2, 10, 20, 3, 2),
}
# The sets themselves, as folders are called that hold them.
PUBLISHED_SETS = [f"dlmo_sim_{name.replace('-', '_')}" for name in PAPER_SIZES]


def make_paper_data(name):
    """Return data generated with the class sizes of a published set.

    Parameters
    ----------
    name : str
        A name in `PAPER_SIZES`.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        The omics.

    y : Series of shape (n_samples,)
        The clusters.
    """
    sizes = PAPER_SIZES[name]
    return make_intersim(
        sum(sizes), len(sizes), proportions=sizes, effect=2.5, random_state=0
    )
