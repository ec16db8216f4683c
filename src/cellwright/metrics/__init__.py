"""Metrics: integer counts first, then rates, each with an interval.

A metric is a pure function of truth and prediction; empty cases are defined as None,
never as a flattering 0 or 1. One module a question:

- ``detection``: boxes; ``matching`` and ``average_precision`` are its steps;
- ``instances``: one label a cell; ``semantic``: one class a pixel;
- ``classification``: one class an image;
- ``intervals``: how far a figure could be off; ``report``: the result as JSON.
"""
