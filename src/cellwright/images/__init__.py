"""Pixels in and out: files, tiles, sizes and overlays; ``simulate`` makes images of known truth.

Import from the module that says what you do: ``read``, ``write``, ``tiles``, ``resize``,
``normalise``, ``overlay``.
"""
