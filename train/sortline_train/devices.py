"""What computes: processor cores, one graphics card, several, or several machines."""

import json
import os
from typing import Any, NamedTuple

from sortline_bundle.errors import ConfigError


class Cluster(NamedTuple):
    """The machines that train together.

    Attributes:
        workers: How many.
        chief: Whether this is the one that keeps the results; the only one is.
    """

    workers: int
    chief: bool


class Devices(NamedTuple):
    """What was found.

    Attributes:
        name: In words.
        strategy: TensorFlow's way of sharing the work between them.
        on_card: Whether there is a graphics card.
        chief: As in the cluster.
    """

    name: str
    strategy: Any
    on_card: bool
    chief: bool


def use_devices(cluster: Cluster) -> Devices:
    """Take what there is: all graphics cards of the machine, and the other machines of the cluster.

    To be called before anything else of TensorFlow. On cards, numbers are kept in half precision where that is safe.
    """
    import keras
    import tensorflow as tf

    cards = tf.config.list_physical_devices("GPU")
    for card in cards:
        tf.config.experimental.set_memory_growth(card, enable=True)
    if cards:
        keras.mixed_precision.set_global_policy("mixed_float16")
    here = f"{len(cards)} graphics card{'s' * (len(cards) > 1)}" if cards else f"{os.cpu_count()} processor cores"
    if cluster.workers > 1:
        strategy, name = tf.distribute.MultiWorkerMirroredStrategy(), f"{cluster.workers} machines, here {here}"
    else:
        strategy = tf.distribute.MirroredStrategy() if len(cards) > 1 else tf.distribute.get_strategy()
        name = here if cards else f"{here}, no graphics card"
    return Devices(name, strategy, bool(cards), cluster.chief)


def read_cluster() -> Cluster:
    """What TF_CONFIG says; without it there is this machine alone.

    Raises:
        ConfigError: it does not hold.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return Cluster(1, chief=True)
    try:
        found = json.loads(text)
        cluster, task = found["cluster"], found["task"]
        chiefs, workers = cluster.get("chief", []), cluster["worker"]
        first = task["type"] == "chief" or (not chiefs and task["index"] == 0)
        return Cluster(len(chiefs) + len(workers), bool(first))
    except (ValueError, TypeError, KeyError, AttributeError) as cause:
        raise ConfigError(
            f"TF_CONFIG does not hold ({cause!r}): it must be JSON with `cluster`.`worker`, a list of host:port, and"
            " `task` with `type` and `index`"
        ) from None
