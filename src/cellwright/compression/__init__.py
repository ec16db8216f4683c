"""Smaller and faster graphs, with a measured verdict: one row a method."""
