"""`sortline convert`: a run folder in, a bundle that may ship out."""

import argparse
import os
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, get_args

import msgspec

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.manifest import NAME_PATTERN, ClassSpec, RuntimeName
from sortline_bundle.moments import Timestamp, lifetime_complaints
from sortline_bundle.quiet import quiet
from sortline_bundle.strict import convert as read_value
from sortline_convert.attempts import QUANTISERS
from sortline_convert.gate import read_limits
from sortline_convert.mix import parse_mix
from sortline_convert.outcome import NoAttemptHeld, Released, Request
from sortline_convert.pack import Label, pack
from sortline_convert.promises import Aim
from sortline_convert.quantise import KINDS
from sortline_convert.release import release
from sortline_convert.settle import Settled
from sortline_train.run import MODEL as KERAS_MODEL
from sortline_train.run import RECORD, Record, load_record

_TARGET, _CONFIDENCE = 0.95, 0.95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline convert` takes."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="run folder made by `sortline train`")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="NAME.sortline", help="bundle to make")
    parser.add_argument("--photos", type=Path, metavar="PHOTOS", help="where the run's photographs are, if they moved")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    label = parser.add_argument_group("the label")
    label.add_argument("--name", help="name of the bundle (default: that of the file)")
    label.add_argument("--version", type=int, default=1, metavar="N", help="growing number of the bundle (default 1)")
    label.add_argument("--expires", metavar="TIME", help="until when it may be installed, as 2027-06-30T00:00:00Z")
    label.add_argument("--station", action="append", default=[], metavar="MODEL", help="station model it is made for")
    purity = parser.add_argument_group("thresholds")
    purity.add_argument(
        "--target-purity",
        type=float,
        metavar="SHARE",
        help=f"purity each class's bin must keep, refused where it cannot be promised (default {_TARGET}, or nearly)",
    )
    purity.add_argument(
        "--confidence",
        type=float,
        default=_CONFIDENCE,
        metavar="SHARE",
        help=f"how often the promise must hold (default {_CONFIDENCE})",
    )
    purity.add_argument("--overall", action="store_true", help="one threshold, for the purity of all bins together")
    purity.add_argument("--mix", metavar="CLASS=SHARE,...", help="how often each class comes on the real line")
    purity.add_argument("--unproven", action="store_true", help="ship where the purity cannot be promised too")
    purity.add_argument("--threshold", type=float, metavar="SCORE", help="the same threshold for all, by hand")
    making = parser.add_argument_group("the file")
    making.add_argument("--kind", choices=KINDS, default="int8", help="of the numbers in it (default int8)")
    making.add_argument("--quantiser", choices=QUANTISERS, default="auto", help="which makes it (default: the best)")
    making.add_argument(
        "--representative",
        type=int,
        default=300,
        metavar="N",
        help="training photographs that set the ranges (default 300)",
    )
    making.add_argument(
        "--runtime",
        choices=get_args(RuntimeName),
        default="litert",
        help="what the stations run it with; tflite-runtime knows fewer operators (default litert)",
    )
    making.add_argument(
        "--limit", action="append", default=[], metavar="NAME=SHARE", help="another limit of the gate, see the guide"
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, print what was measured, and say where the bundle is."""
    _check_place(arguments.out)
    record = load_record(arguments.run_folder)
    label = _label(arguments, record)
    request = _request(arguments, record)
    folder = arguments.photos or Path(record.photographs)
    model = load_model(arguments.run_folder, len(record.classes))
    try:
        released = release(model, record, folder, request)
    except NoAttemptHeld as cause:
        raise _with_picture(cause, arguments.out) from None
    bundle = pack(arguments.out, released, record, folder, label)
    _picture(arguments.out).unlink(missing_ok=True)  # of an earlier refusal
    sys.stdout.write(
        _json(released, bundle, arguments.out) if arguments.json else _table(released, bundle, arguments.out)
    )
    return 0


def _label(arguments: argparse.Namespace, record: Record) -> Label:
    """What is written on the bundle, refused before the long work begins."""
    name = arguments.name or re.sub(r"[^a-z0-9._-]+", "-", arguments.out.stem.lower()).strip("-._")
    for option, value in (("--name", name), *(("--station", station) for station in arguments.station)):
        if not re.fullmatch(NAME_PATTERN, value):
            raise ConfigError(
                f"{option} must be 1 to 64 lower-case letters, digits, dots and dashes, received {value!r}"
            )
    if not 1 <= arguments.version < 1 << 53:
        raise ConfigError(f"--version must be at least 1, received {arguments.version}")
    if arguments.expires is not None:
        read_value(arguments.expires, Timestamp, error=ConfigError, where="--expires")
        for complaint in lifetime_complaints(record.finished, arguments.expires):
            raise ConfigError(f"--expires {arguments.expires}: {complaint}; the bundle is of {record.finished}")
    return Label(name, arguments.version, arguments.expires, tuple(arguments.station))


def _request(arguments: argparse.Namespace, record: Record) -> Request:
    given = arguments.target_purity is not None
    if arguments.threshold is not None and (given or arguments.mix is not None or arguments.overall):
        raise ConfigError("--threshold is by hand and cannot be had together with what solves thresholds")
    if arguments.threshold is not None and not 0 <= arguments.threshold <= 1:
        raise ConfigError(f"--threshold must be from 0 to 1, received {arguments.threshold}")
    for option, share in (("--target-purity", arguments.target_purity), ("--confidence", arguments.confidence)):
        if share is not None and not 0 < share < 1:
            raise ConfigError(f"{option} must be between 0 and 1, received {share}")
    if arguments.representative < 1:
        raise ConfigError(f"--representative must be at least 1, received {arguments.representative}")
    aim = Aim(
        target_purity=arguments.target_purity if given else _TARGET,
        confidence=arguments.confidence,
        scope="overall" if arguments.overall else "class",
        mix=parse_mix(arguments.mix, record.classes) if arguments.mix is not None else None,
    )
    return Request(
        kind=arguments.kind,
        quantiser=arguments.quantiser,
        representative=arguments.representative,
        limits=read_limits(arguments.limit),
        aim=aim if arguments.threshold is None else arguments.threshold,
        must=given and not arguments.unproven,
        runs_on=arguments.runtime,
    )


def _picture(out: Path) -> Path:
    return out.with_suffix(".refused.png")


def _check_place(out: Path) -> None:
    """See that a bundle can be written to `out`, before the work begins."""
    if out.is_dir():
        raise ConfigError(f"-o {out} is a folder; name the bundle to make, such as {out / 'waste.sortline'}")
    nearest = next(folder for folder in out.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"{nearest} cannot be written to; choose another place for the bundle, or give access there")


def _with_picture(cause: NoAttemptHeld, out: Path) -> NoAttemptHeld:
    """The same refusal, with the photographs it rests on beside where the bundle would have been."""
    from sortline_convert.charts import draw_disagreements

    picture = _picture(out)
    write_whole(picture, draw_disagreements(cause.worst, cause.captions))
    message = f"{cause}; the worst of its answers are in {picture}"
    return NoAttemptHeld(message, cause.tried, cause.worst, cause.captions)


def _json(released: Released, bundle: Bundle, out: Path) -> str:
    file = released.candidate
    figures = {
        "bundle": str(out),
        "digest": bundle.digest,
        "model_bytes": len(file.model),
        "temperature": file.temperature,
        **msgspec.to_builtins(bundle.manifest.provenance),
        "checks": file.checks,
        "tried": released.tried,
        "thresholds": file.settled.specs,
        "promise": bundle.manifest.promise,
        "lacking": file.settled.lacking,
    }
    return msgspec.json.encode(figures).decode() + "\n"


def _table(released: Released, bundle: Bundle, out: Path) -> str:
    file, made = released.candidate, bundle.manifest.provenance
    lines = [
        f"on {made.held_out} photographs kept from training and quantising, run by LiteRT",
        f"  right, trained model {made.accuracy_float:8.1%}",
        f"  right, this file     {made.accuracy:8.1%}",
        f"  same answer          {made.agreement:8.1%}",
        f"  calibration error    {made.calibration_error:8.1%} (of it chance: {made.calibration_error_by_chance:.1%})",
        f"model: {len(file.model) / 1e6:.2f} MB, {made.quantised_by}, runs on {' and '.join(file.facts.runtimes)}",
        *(f"  {remark}" for remark in file.facts.remarks),
        *(
            f"  {check.name} {check.value:.4f} is beyond {check.limit:g}, by no more than chance ({check.detail})"
            for check in file.checks
            if check.verdict == "by chance"
        ),
        "thresholds:",
        *(f"  {spec.name:<20} from {spec.threshold:.3f}{_promised(spec)}" for spec in file.settled.specs),
        *_overall(file.settled),
        *_unpromised(file.settled),
        f"bundle: {out} ({bundle.digest[:12]})",
    ]
    return "".join(f"{line}\n" for line in lines)


def _unpromised(settled: Settled) -> list[str]:
    """One line for all of them; the card and the JSON say of each what it would take."""
    if not settled.lacking or settled.solved is None:
        return []
    names = ", ".join(sentence.partition(": ")[0] for sentence in settled.lacking)
    fewest = max(one.lacking.fewest_accepted or 0 for one in settled.solved.solved if one.lacking)
    return [f"  no purity is promised for {names}: it takes {fewest} accepted answers or more, see the card"]


def _promised(spec: ClassSpec) -> str:
    return "" if spec.target_purity is None else f", purity at least {spec.target_purity:.1%}"


def _overall(settled: Settled) -> list[str]:
    solved = settled.solved
    if solved is None or solved.aim.scope == "class" or settled.lacking:
        return []
    return [f"  all bins together: purity at least {solved.aim.target_purity:.1%}"]


def load_model(run_folder: Path, classes: int) -> Any:
    """A run's Keras model, of so many classes.

    Raises:
        ConfigError: it cannot be loaded, or has another number of outputs.
    """
    path = run_folder / KERAS_MODEL
    model, damage = None, ""
    with quiet():
        import keras

        try:
            model = keras.models.load_model(path, compile=False)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as cause:
            damage = str(cause)
    if model is None:  # told out here, where what Keras said on the way is not repeated
        raise ConfigError(f"{path} cannot be loaded: {damage}; train anew")
    if model.output_shape[-1] != classes:
        raise ConfigError(
            f"{path} gives {model.output_shape[-1]} scores for the {classes} classes of {RECORD}; train anew"
        )
    return model
