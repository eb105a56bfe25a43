"""The training's curves as event files, for those who watch with TensorBoard: `tensorboard --logdir FOLDER`."""

from collections.abc import Sequence
from pathlib import Path

from sortline_train.report.values import Point, running_epochs

_TAGS = {
    "train_loss_nats": "loss/train",
    "validation_loss_nats": "loss/validation",
    "validation_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
    "seconds": "seconds",
}


def write_tensorboard(folder: Path, curves: Sequence[Point]) -> None:
    """Write an event file of scalars into `folder`, made when missing.

    The tags are loss/train, loss/validation, accuracy/validation, learning_rate and seconds. The steps are epochs,
    counted on from stage to stage; what was not measured is left out.
    """
    import tensorflow as tf

    # What `tf.summary.scalar` adds to a tensor; that function itself is only there where TensorBoard is installed.
    scalar = tf.compat.v1.Summary.Value().metadata
    scalar.plugin_data.plugin_name = "scalars"
    scalar.data_class = 1  # DATA_CLASS_SCALAR of tensorflow/core/framework/summary.proto
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for epoch, point in zip(running_epochs(curves), curves, strict=True):
            for field, tag in _TAGS.items():
                value = getattr(point, field)
                if value is not None:
                    tf.summary.write(tag, tf.constant(value, tf.float32), step=epoch, metadata=scalar)
    writer.close()
