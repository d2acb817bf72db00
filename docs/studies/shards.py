"""Tell how a benchmark's time falls with the number of shards, from measured fits.

``python docs/studies/shards.py`` deals the stored fits of docs/results/real.parquet to
shards as run_benchmark does, adds up the seconds that each fit took, and prints the
time of the slowest shard. A shard's start, in which packages are imported and data
read, counts with the seconds that are given.
"""

import sys
from pathlib import Path

import pandas as pd

from skomics.benchmark._shards import deal_fits

RESULTS = Path(__file__).parents[1] / "results" / "real.parquet"
COUNTS = (1, 2, 4, 8, 16, 32, 64, 100)


def makespan(seconds, count, start):
    """Return the seconds of the slowest of some shards."""
    shards = [deal_fits(seconds, (number, count)) for number in range(1, count + 1)]
    return max(map(sum, shards)) + start


def table(start):
    """Return time, speed-up and efficiency for each number of shards."""
    rows = pd.read_parquet(RESULTS)
    seconds = (rows["fit_seconds"] + rows["score_seconds"]).dropna().tolist()
    found = pd.DataFrame({"shards": COUNTS})
    found["hours"] = [makespan(seconds, n, start) / 3600 for n in COUNTS]
    found["speed-up"] = found["hours"][0] / found["hours"]
    found["efficiency"] = found["speed-up"] / found["shards"]
    return found


if __name__ == "__main__":
    print(table(float(sys.argv[1]) if len(sys.argv) > 1 else 10).round(3).to_string())
