"""The report: what the results say, as one page of HTML or as Markdown."""

from skomics.benchmark.report._command import choose_results, report_main
from skomics.benchmark.report._sections import make_report

__all__ = ["choose_results", "make_report", "report_main"]
