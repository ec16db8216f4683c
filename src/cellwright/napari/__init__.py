"""The napari plug-in: cells found in a layer, results opened, corrections saved; no torch.

``napari.yaml`` says what napari is offered. Layers travel as napari's own triples of data,
settings and type, so that only the two windows (:mod:`cellwright.napari.find_window`,
:mod:`cellwright.napari.save_window`) need napari, and only when they are opened.
"""
