"""A page that says what a model is, what it was fitted to and how well it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from skomics._document import Document
from skomics.inspection._card_sections import (
    calibration_section,
    class_section,
    data_section,
    feature_section,
    limits_section,
    modality_section,
    origin_section,
    overview_section,
    pipeline_section,
    score_section,
)
from skomics.inspection._evidence import held_out_evidence, read_evidence
from skomics.inspection._unroll import flatten_steps, unwrap

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import HasFrame, OmicsLike, StrPath

__all__ = ["ModelCard", "model_card"]


@dataclass(frozen=True)
class ModelCard(Document):
    """What :func:`model_card` returns: a page, as HTML or as Markdown.

    Parameters
    ----------
    sections : list
        Parts of the page.

    title : str
        Title of the page.
    """

    def save(self, path: StrPath) -> Path:
        """Write the page to a file, over what is there.

        Parameters
        ----------
        path : str or Path
            Ends in ``.md`` for Markdown, or in ``.html`` for a page that needs
            nothing else.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        """
        path = Path(path)
        make = {".md": self.to_markdown, ".html": self.to_html}.get(path.suffix.lower())
        if make is None:
            raise ValueError(
                f"Got the file name {path.name!r}, but a card is written as Markdown "
                "(.md) or HTML (.html). Let the name end in one of these."
            )
        path.write_text(make(), encoding="utf-8")
        return path

    def _repr_html_(self):
        return self.to_html()

    def __str__(self):
        """Return the card as Markdown."""
        return self.to_markdown()


def model_card(
    estimator: BaseEstimator,
    results: Mapping[str, Any] | pd.DataFrame | HasFrame | None = None,
    *,
    X: OmicsLike | None = None,
    y: ArrayLike | None = None,
    test: tuple[OmicsLike, ArrayLike] | None = None,
    title: str | None = None,
    intended_use: str | None = None,
    limits: str | Sequence[str] | None = None,
    command: str | None = None,
    n_top: int = 10,
) -> ModelCard:
    """Write down what a fitted model is, what it rests on and how well it does.

    A card goes beside a model that is handed on, or into a supplement (Mitchell et al.
    2019). It says what can be read from the model, its receipts (`fit_receipt_`) and
    the results; what only its maker knows is given as text.

    Parameters
    ----------
    estimator : fitted classifier, Pipeline, or search over these
        The model.

    results : dict, DataFrame or BenchmarkResults, default=None
        How well it does on samples that it has not seen: what
        :func:`~sklearn.model_selection.cross_validate` returned, with
        ``return_indices=True`` for intervals; or what
        :func:`skomics.model_selection.nested_cross_validate` returned; or the rows of
        :func:`~skomics.benchmark.run_benchmark` for one task and model. None makes a
        card that says that nothing is known.

    X : DataFrame, MuData, AnnData, dict or list of tables, array, default=None
        The samples of the cross-validation, in any form that the model takes. Features
        are ranked by what they add to the answers for these, and where `results` have
        ``return_estimator=True`` and ``return_indices=True``, the tables of classes and
        of calibration are made from the predictions of the folds.

    y : array-like of shape (n_samples,), default=None
        Labels of `X`.

    test : tuple (X_test, y_test), default=None
        Samples that had no part in fitting or choosing the model. Scores, classes,
        calibration and modalities are then of these.

    title : str, default=None
        Title; None is the name of the classifier.

    intended_use : str, default=None
        What the model is for, and for whom.

    limits : str or list of str, default=None
        What it should not be used for, beside what follows from the rest.

    command : str, default=None
        How the model was made: a command line or a few lines of Python.

    n_top : int, default=10
        Number of features shown for each class.

    Returns
    -------
    card : ModelCard
        Shown in a notebook; `save` writes HTML or Markdown.

    Raises
    ------
    NotFittedError
        If the model is not fitted.

    TypeError
        If `results` or `test` are of another form, or the model is no classifier.

    ValueError
        If they are of several models, `X` and `y` are not the samples of the
        cross-validation, or samples have classes that the model does not know.

    See Also
    --------
    feature_attributions : All features, not the first few.
    skomics.save_model : The model itself.

    References
    ----------
    Mitchell et al. (2019), "Model cards for model reporting", FAT* 2019.
    Collins et al. (2024), "TRIPOD+AI statement", BMJ 385: what a report of a
    prediction model should say.

    Examples
    --------
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import model_card
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier()).fit(X, y)
    >>> results = cross_validate(
    ...     model, X, y, return_indices=True, return_estimator=True
    ... )
    >>> card = model_card(model, results, X=X, y=y)
    >>> [section.title for section in card.sections][:4]
    ['What it is', 'Data', 'Scores', 'Classes']
    """
    _check_arguments(estimator, test)
    classes = list(estimator.classes_)
    evidence = None if results is None else read_evidence(results, classes, X, y)
    tested = None if test is None else held_out_evidence(estimator, *test, classes)
    shown = [found for found in (tested, evidence) if found is not None]
    name = type(unwrap(estimator)[-1]).__name__
    sections = [
        overview_section(estimator, intended_use),
        data_section(estimator),
        score_section(shown, estimator),
        class_section(shown),
        calibration_section(shown),
        modality_section(estimator, test),
        feature_section(estimator, X if test is None else test[0], n_top),
        limits_section(estimator, evidence, tested, limits),
        pipeline_section(estimator),
        origin_section(estimator, command),
    ]
    sections = [section for section in sections if section.parts]
    return ModelCard(sections, title or name)


def _check_arguments(estimator, test):
    """Refuse what is no fitted classifier, and test samples without labels."""
    for step in (flatten_steps(estimator)[-1], unwrap(estimator)[-1]):
        check_is_fitted(step)
    if not hasattr(estimator, "classes_"):
        raise TypeError(
            f"Got a {type(estimator).__name__} without classes_, but a card is of a "
            "fitted classifier, a pipeline that ends in one, or a search with refit. "
            "Give one of these, such as search.best_estimator_."
        )
    if test is not None and not (isinstance(test, tuple | list) and len(test) == 2):
        raise TypeError(
            f"test is a {type(test).__name__}, but samples and their labels are "
            "wanted. Give test=(X_test, y_test)."
        )
