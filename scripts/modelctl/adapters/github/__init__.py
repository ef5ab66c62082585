"""GitHub by its REST API, on PyGithub: pull requests, checks, comments, deployments, settings.

The only package that knows GitHub's API. It gives values of `domain/pulls.py` and
`domain/reviews.py`, and raises our errors; no text of it holds a token or a key.
"""

from modelctl.adapters.github.access import Access, access_from
from modelctl.adapters.github.checks import CheckRun
from modelctl.adapters.github.client import GitHub, connect
from modelctl.adapters.github.rate import Patience, Rate

__all__ = ["Access", "CheckRun", "GitHub", "Patience", "Rate", "access_from", "connect"]
