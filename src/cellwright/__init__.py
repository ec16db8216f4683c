"""Cellwright turns microscope images into numbers a lab can defend."""

__version__ = "0.1.0"
