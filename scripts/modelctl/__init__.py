"""Promotes machine-learning models from git: gates, approvals, overlays, history."""

__version__ = "0.1.0"
