"""Two real datasets that ship with scikit-learn, each cut into a part to train on and one held out.

    python training/prepare.py DATA

writes DATA/<name>-train.parquet, DATA/<name>-holdout.parquet, and requests for MLflow's scoring
server: a few of the rows that were held out in DATA/<name>-sample.json, all in <name>-holdout.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

TARGET = "target"
INPUTS: Mapping[str, tuple[str, ...]] = {
    "tumor": tuple(
        f"mean {what}"
        for what in (
            *("radius", "texture", "perimeter", "area", "smoothness", "compactness"),
            *("concavity", "concave points", "symmetry", "fractal dimension"),
        )
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s5", "s6"),
}
"""What the first versions of the models take."""

_HELD_OUT, _SAMPLE_ROWS = 0.3, 5


def tumours() -> pd.DataFrame:
    """Measurements of cell nuclei; the target is 1 for malignant, 0 for benign.

    `size_band` is the group that fairness is measured by. No model takes it as an input.
    """
    frame = load_breast_cancer(as_frame=True).frame
    bands = pd.cut(frame["mean radius"], [0, 12.5, 15, 100], labels=["small", "medium", "large"])
    return frame[list(INPUTS["tumor"])].assign(
        size_band=bands.astype(str), target=1 - frame["target"]
    )


def diabetes() -> pd.DataFrame:
    """Ten measurements of patients; the target is how far the disease went within a year."""
    return load_diabetes(as_frame=True).frame


def write(folder: Path, name: str, frame: pd.DataFrame, seed: int, *, stratified: bool) -> None:
    """Write the parts of one dataset; the same bytes each time."""
    stratify = frame[TARGET] if stratified else None
    train, held_out = train_test_split(
        frame, test_size=_HELD_OUT, random_state=seed, stratify=stratify
    )
    train.to_parquet(folder / f"{name}-train.parquet", index=False)
    held_out.to_parquet(folder / f"{name}-holdout.parquet", index=False)
    sample = held_out[list(INPUTS[name])].head(_SAMPLE_ROWS)
    for kind, rows in (("sample", sample), ("holdout", held_out.drop(columns=TARGET))):
        body = {"dataframe_split": rows.to_dict("split", index=False)}
        (folder / f"{name}-{kind}.json").write_text(json.dumps(body))
    print(f"{name}: {len(train)} rows to train on, {len(held_out)} held out")


if __name__ == "__main__":
    target_folder = Path(sys.argv[1])
    target_folder.mkdir(parents=True, exist_ok=True)
    write(target_folder, "tumor", tumours(), 6, stratified=True)
    write(target_folder, "diabetes", diabetes(), 1, stratified=False)
