"""Paper 5: leukemia screening from blood smears."""
