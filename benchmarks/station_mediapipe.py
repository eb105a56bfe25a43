"""MediaPipe's side of `station.py`, run by the Python of a virtual environment that has it.

    python benchmarks/station_mediapipe.py MODEL.tflite FRAMES.npz

Standard input: a frame's number and a region of interest (shares of the frame), or only the number, a line each.
Standard output: nanoseconds for each; before the first, the package's version.
"""

import importlib
import sys
import time
from importlib.metadata import version


def main() -> int:
    """Answer until the input ends."""
    import cv2
    import numpy as np

    tasks = importlib.import_module("mediapipe.tasks.python")
    vision = importlib.import_module("mediapipe.tasks.python.vision")
    mediapipe = importlib.import_module("mediapipe")
    options = importlib.import_module("mediapipe.tasks.python.vision.core.image_processing_options")
    rect = importlib.import_module("mediapipe.tasks.python.components.containers.rect")
    model, frames = sys.argv[1:]
    images = list(np.load(frames).values())
    classifier = vision.ImageClassifier.create_from_options(
        vision.ImageClassifierOptions(base_options=tasks.BaseOptions(model_asset_path=model), max_results=1)
    )
    sys.stdout.write(f"{version('mediapipe')}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        nth, *sides = line.split()
        frame = images[int(nth)].copy()
        started = time.perf_counter_ns()
        image = mediapipe.Image(mediapipe.ImageFormat.SRGB, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        asked = None
        if sides:
            left, top, right, bottom = map(float, sides)
            region = rect.RectF(left=left, top=top, right=right, bottom=bottom)
            asked = options.ImageProcessingOptions(region_of_interest=region)
        _ = classifier.classify(image, asked).classifications[0].categories[0].index
        spent = time.perf_counter_ns() - started
        sys.stdout.write(f"{spent}\n")
        sys.stdout.flush()
    classifier.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
