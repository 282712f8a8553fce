"""`make bench` names benchmarks that exist, and each of them says how it is run alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import TABLE, Benchmark

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("benchmark", TABLE, ids=lambda benchmark: benchmark.name)
def test_each_says_how_it_is_run(benchmark: Benchmark):
    asked = subprocess.run([sys.executable, "-m", f"benchmarks.{benchmark.name}", "--help"], cwd=ROOT, capture_output=True, check=False)
    assert asked.returncode == 0
    assert asked.stdout.startswith(b"usage: ")


def test_what_lacks_its_data_is_not_tried():
    assert Benchmark("roads", "", needs=ROOT / "no such map").missing
    assert not Benchmark("roads", "", needs=ROOT).missing
