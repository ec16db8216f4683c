"""Tuning: settings of a training run searched by many trainings, shared by many processes."""
