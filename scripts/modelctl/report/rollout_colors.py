"""What a picture of a rollout looks like: its colours, in the light and in the dark; its font."""

from __future__ import annotations

import re
from typing import Any

from modelctl.domain.observations import CANARY, STABLE

PAPER, INK, FAINT, RULE = "#ffffff", "#24292f", "#656d76", "#d8dee4"
COLORS = {CANARY: "#d55e00", STABLE: "#0072b2"}
LIMIT, BACK, PAUSE = "#8250df", "#cf222e", "#bf8700"
DARK = {
    PAPER: "#0d1117",
    INK: "#e6edf3",
    FAINT: "#9198a1",
    RULE: "#30363d",
    COLORS[CANARY]: "#ff9a52",
    COLORS[STABLE]: "#58b4f5",
    LIMIT: "#bc9cff",
    BACK: "#ff7b72",
    PAUSE: "#e3b341",
}
"""What each colour becomes where the reader's screen is dark."""

SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "svg.hashsalt": "modelctl",
    "svg.fonttype": "path",
    "axes.edgecolor": RULE,
    "axes.labelcolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "path.simplify": False,
}


def themed(text: str) -> str:
    """The SVG with a second set of colours. What knows nothing of media queries shows the first."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark} !important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    return re.sub(r"(<svg [^>]*>)", rf"\1\n {style}", text, count=1)
