"""What a station file may say of how its model is run. Apart from what runs it, which is slow to import."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

RuntimeChoice = Literal["auto", "litert", "tflite-runtime"]
RUNTIME_CHOICES: tuple[RuntimeChoice, ...] = get_args(RuntimeChoice)
ThreadChoice = Literal["auto"] | Annotated[int, Meta(ge=1, le=8)]
