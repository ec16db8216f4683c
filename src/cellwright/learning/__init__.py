"""Training: from labels to a bundle, resumable, seeded, evaluated once."""
