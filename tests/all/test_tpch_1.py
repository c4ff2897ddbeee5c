"""The 22 queries of TPC-H at scale 1: equal to the published answers, the same bytes for any threads."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "py"))
import tpch

globals().update(tpch.tests("1", ("1", "2", "8"), ("2048",)))
