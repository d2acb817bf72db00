"""Fitted models as files that hold numbers and names, and no code.

A file is a safetensors file: the arrays are its tensors, and its metadata has one JSON
text that says how a model is put together from them. Reading it makes objects of the
classes on a list, gives them attributes on a list, and calls no function of the
file's choice, which is what pickle cannot promise.
"""

from skomics.persistence._model import load_model, save_model

__all__ = ["load_model", "save_model"]
