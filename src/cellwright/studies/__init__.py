"""The experiments of the papers, rerunnable on any labels: one row a study."""
