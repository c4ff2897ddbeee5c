"""kill -9 of writers at random moments, PS_KILLS times (500)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "py"))
import kills


def test_kills():
    kills.campaign(int(os.environ.get("PS_KILLS", "500")), int(os.environ.get("PS_SEED", "1")))
