"""Measures: what was promised, what was kept. Folds over the journal, nothing about persons."""
