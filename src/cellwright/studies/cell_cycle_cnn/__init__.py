"""Paper 4 as a study."""
