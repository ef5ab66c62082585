"""Renderers of verdicts and boards: each returns a string."""
