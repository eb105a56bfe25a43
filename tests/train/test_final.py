"""`--final` trains once more with the validation photographs; the split and what was chosen stay."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np


def test_the_final_model_learnt_from_more_and_says_so(
    sortline: Callable, photographs: Path, recipe: Sequence[str], run_folder: Path, tmp_path: Path
) -> None:
    run, curves = tmp_path / "run", tmp_path / "curves"
    ran = sortline("train", photographs, "-o", run, *recipe, "--final", "--tensorboard", curves)
    assert ran.exit_code == 0, ran.error
    records = [json.loads((folder / "run.json").read_text()) for folder in (run_folder, run)]
    assert [record["settings"]["final"] for record in records] == [False, True]
    assert records[0]["files"] == records[1]["files"]
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (run_folder, run)]
    # The validation photographs were judged by the model that had not learnt from them: the same in both runs.
    assert metrics[0]["validation"] == metrics[1]["validation"]
    assert "training once more" in {step["name"] for step in metrics[1]["steps"]}
    heads = [keras.models.load_model(folder / "model.keras").get_layer("head") for folder in (run_folder, run)]
    assert not np.array_equal(*(head.get_weights()[0] for head in heads))
    assert list(curves.rglob("*tfevents*"))
