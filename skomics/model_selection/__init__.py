"""Choosing settings by cross-validation."""

from skomics.model_selection._batched_search import BatchedSearchCV

__all__ = ["BatchedSearchCV"]
