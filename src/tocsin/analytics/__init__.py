"""Measures and scorecards, as folds over the journal."""
