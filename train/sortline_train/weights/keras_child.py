"""A process of its own that lets Keras download arrays: `python -m sortline_train.weights.keras_child BACKBONE FILE`.

Whatever it prints is a sign of life to `sortline_train.weights.keras_download`, which ends it after a long silence.
"""

import signal
import sys
from pathlib import Path

from sortline_train.backbones import Backbone, find_backbone
from sortline_train.weights.hdf5 import write_hdf5
from sortline_train.weights.layout import layout_of


def main(backbone: Backbone, path: Path) -> None:
    """Load the network with its ImageNet weights and write them to `path`."""
    # As if interrupted at the keyboard: Keras then removes a half-made file, which it would later take for whole.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    import keras

    keras.config.enable_interactive_logging()
    sys.stdout.write("Keras is loaded\n")
    sys.stdout.flush()
    constructor = getattr(keras.applications, backbone.constructor)
    shape = (backbone.default_size, backbone.default_size, 3)
    network = constructor(weights="imagenet", include_top=False, input_shape=shape, **backbone.arguments)
    write_hdf5(path, layout_of(backbone), network.get_weights())


if __name__ == "__main__":
    main(find_backbone(sys.argv[1]), Path(sys.argv[2]))
