"""Runs a bundle on images, tiled and batched, without PyTorch."""
