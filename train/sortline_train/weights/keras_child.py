"""A process of its own that lets Keras download the arrays: `python -m sortline_train.weights.keras_child FILE`.

Whatever it prints is a sign of life to `sortline_train.weights.keras_download`, which ends it after a long silence.
"""

import signal
import sys
from pathlib import Path

from sortline_train.weights.hdf5 import write_hdf5


def main(path: Path) -> None:
    """Load the model with its ImageNet weights and write them to `path`."""
    # As if interrupted at the keyboard: Keras then removes a half-made file, which it would later take for whole.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    import keras

    keras.config.enable_interactive_logging()
    sys.stdout.write("Keras is loaded\n")
    sys.stdout.flush()
    model = keras.applications.MobileNetV2(weights="imagenet", include_top=False, input_shape=(224, 224, 3))
    write_hdf5(path, model.get_weights())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
