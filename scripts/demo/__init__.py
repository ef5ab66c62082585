"""The demo: a story in a sandbox, from trained models to served predictions. Nothing is faked.

`make demo` runs it. The story is in `story.py` and the chapters; the rest is the stage.
"""
