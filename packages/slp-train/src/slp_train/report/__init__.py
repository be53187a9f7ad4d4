"""``report(run)``: what a run came to, as one HTML file to look at."""

from slp_train.report.page import report

__all__ = ["report"]
