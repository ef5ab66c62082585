"""Producers of evidence: they measure a model and return what they saw."""
