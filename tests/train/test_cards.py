"""What graphics cards are given, tried on two processor cores that stand for two cards."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TRAIN = """
import json, sys
from pathlib import Path
import keras, numpy as np, tensorflow as tf
cores = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cores[0], [tf.config.LogicalDeviceConfiguration()] * 2)
keras.mixed_precision.set_global_policy("mixed_float16")
from sortline_bundle.preprocess import InputSpec
from sortline_train.backbones import find_backbone
from sortline_train.devices import Devices
from sortline_train.examples import Examples
from sortline_train.fit import Task, train_classifier
from sortline_train.grounds import draw_grounds
from sortline_train.masks import open_masks
from sortline_train.pixels import open_pixels
from sortline_train.run import Settings
from sortline_train.views import Album

paths, digests, labels, work = json.load(sys.stdin)
spec, labels = InputSpec(height=64, width=64), np.array(labels)
paths, cache = [Path(path) for path in paths], Path(work) / "cache"
pixels, masks = open_pixels(paths, digests, spec, cache), open_masks(paths, digests, spec, cache)
examples = Examples(pixels, labels)
backbone = find_backbone("mobilenet_v2_0.35")
keras.utils.set_random_seed(0)
from sortline_train.backbones import build_backbone
arrays = build_backbone(backbone, 64).get_weights()
settings = Settings(size=64, epochs=2, views=1, batch=7, learning_rate=1e-3)
album = Album(pixels, masks, labels, draw_grounds(0, 4), 0.3, 64, 0)
task = Task(album, album, examples, examples, 2, backbone, arrays, settings)
devices = Devices("two cards", tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), on_card=True, chief=True)
Path(work, "state").mkdir()
outcome = train_classifier(task, devices, Path(work) / "state", print, lambda name: None)
print(json.dumps({
    "replicas": devices.strategy.num_replicas_in_sync,
    "losses": [point.train_loss_nats for point in outcome.tuned.points],
    "finite": bool(np.isfinite(outcome.test).all()),
    "dtype": outcome.model.get_layer("backbone").layers[1].compute_dtype,
}))
"""


def test_two_cards_train_together_in_half_precision(photographs: Path, tmp_path: Path) -> None:
    paths = sorted(path for name in ("bottle", "paper") for path in (photographs / name).iterdir())
    digests: Sequence[str] = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    labels = [int(path.parent.name == "paper") for path in paths]
    asked = json.dumps([[str(path) for path in paths], digests, labels, str(tmp_path)])
    done = subprocess.run([sys.executable, "-c", TRAIN], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["replicas"] == 2
    assert len(found["losses"][1:]) == 2
    assert all(0 < loss < 5 for loss in found["losses"][1:])
    assert found["finite"]
    assert found["dtype"] == "float32"  # what is kept computes in full precision
