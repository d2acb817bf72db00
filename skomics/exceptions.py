"""The errors and warnings of skomics that a caller may want to catch."""

__all__ = [
    "BatchDependenceWarning",
    "DeviceMemoryError",
    "DeviceNotFoundError",
    "InformativeMissingnessWarning",
    "MissingOmicsWarning",
    "NamelessOmicsWarning",
    "SampleAlignmentError",
    "SampleDroppedWarning",
    "StopTraining",
]


class SampleAlignmentError(ValueError):
    """The rows of two tables cannot be matched by their labels."""


class SampleDroppedWarning(UserWarning):
    """Samples were left out because a table or the labels lack them."""


class BatchDependenceWarning(UserWarning):
    """A prediction depends on which other samples are predicted with it."""


class NamelessOmicsWarning(UserWarning):
    """A multi-omics model got a table that does not say which modalities it holds."""


class InformativeMissingnessWarning(UserWarning):
    """Where training values are missing gives their class away."""


class MissingOmicsWarning(UserWarning):
    """No sample of a prediction has a modality that the model was trained on."""


class StopTraining(Exception):  # noqa: N818 - no error: it ends an iteration
    """What a callback raises at the end of an epoch to end the training in peace."""


class DeviceNotFoundError(RuntimeError):
    """The device that was asked for by name is not on this machine."""


class DeviceMemoryError(RuntimeError):
    """The device ran out of memory while training or predicting."""
