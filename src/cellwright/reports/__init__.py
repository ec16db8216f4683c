"""Reports a person likes to read: one self-contained HTML page, and the plots in it."""

from cellwright.reports.page import Page

__all__ = ["Page"]
