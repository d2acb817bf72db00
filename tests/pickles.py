"""What a pickle is made of."""

import io
import pickle

__all__ = ["packages_in"]


class _Collector(pickle.Unpickler):
    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.packages = set()

    def find_class(self, module, name):
        self.packages.add(module.partition(".")[0])
        return super().find_class(module, name)


def packages_in(value):
    """Return the packages whose objects the pickle of a value holds."""
    collector = _Collector(pickle.dumps(value))
    collector.load()
    return collector.packages
