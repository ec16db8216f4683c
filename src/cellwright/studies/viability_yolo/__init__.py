"""Paper 1: detectors for live/dead nuclei."""
