"""Labelled samples: public sets, formats both ways, splits, inspection and transforms."""
