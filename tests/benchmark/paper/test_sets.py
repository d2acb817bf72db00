"""The sets that are generated have the class sizes of the published ones."""

import numpy as np
import pytest

from skomics.benchmark._tasks import TASKS, folder_task
from skomics.benchmark.paper._sets import PAPER_SIZES


@pytest.mark.parametrize("name", sorted(PAPER_SIZES))
def test_generated_sets_have_the_sizes_of_the_published_ones(name, data_dir):
    task = TASKS[f"paper-{name}"]()
    published = folder_task(data_dir / f"dlmo_sim_{name.replace('-', '_')}")
    sizes = [np.unique(t.y, return_counts=True)[1] for t in (task, published)]
    assert sorted(sizes[0]) == sorted(sizes[1])
    assert task.sizes == {"methylation": 367, "expression": 131, "protein": 160}
    assert task.kind == "simulated"
