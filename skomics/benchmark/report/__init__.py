"""The report: what the results say, as one page of HTML or as Markdown."""

from skomics.benchmark.report._sections import Report, make_report

__all__ = ["Report", "make_report"]
