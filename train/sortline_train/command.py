"""`sortline train`: photographs in, a run folder out."""

import argparse
import importlib.metadata
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.preprocess import InputSpec
from sortline_bundle.quiet import quiet
from sortline_bundle.strict import convert
from sortline_train.account import Course, Judged, Watch, make_report
from sortline_train.backbones import BACKBONES, check_size, find_backbone
from sortline_train.devices import Cluster, read_cluster
from sortline_train.examples import Examples
from sortline_train.grounds import draw_grounds
from sortline_train.masks import open_masks
from sortline_train.pixels import find_cache, open_pixels
from sortline_train.plan import Plan, load_plan, make_plan, save_plan
from sortline_train.report import Stage, write_report, write_tensorboard
from sortline_train.rows import Rows
from sortline_train.run import MODEL, RECORD, UNFINISHED, Figures, Part, Record, Settings, save_record
from sortline_train.weights import Weights, find_weights

if TYPE_CHECKING:
    from sortline_train.devices import Devices
    from sortline_train.fit import Outcome

NO_WEIGHTS = "none"
_PLAN = "plan.json"
_HELP = {
    "backbone": f"one of {', '.join(BACKBONES)}",
    "size": "side of the model's square input, pixels",
    "epochs": "epochs of fine-tuning; 0 leaves it out",
    "batch": "photographs per step",
    "learning_rate": "highest rate of fine-tuning",
    "views": "views of each photograph for the head",
    "grounds": "share of views with the item on another ground",
    "seed": "of everything random",
    "final": "train once more at the end, with the validation photographs too",
    "keep_conflicts": "train on photographs that lie under two classes as well",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline train` takes; every setting of the recipe is an option of its own."""
    parser.add_argument(
        "photographs",
        type=Path,
        metavar="PHOTOS",
        help="folder with one folder of photographs per class, or with train/, validation/, test/ of such folders",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="RUN", help="run folder to make")
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights (.h5), or `none` to start from random ones")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished training in RUN")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where pixels are kept for later runs")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="write the curves for TensorBoard as well")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON instead of a table")
    for field in msgspec.structs.fields(Settings):
        option, default = f"--{field.name.replace('_', '-')}", field.default
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true", help=_HELP[field.name])
        else:
            text = f"{_HELP[field.name]} (default {default})"
            parser.add_argument(option, type=type(default), default=default, metavar=option[2].upper(), help=text)


def run(arguments: argparse.Namespace) -> int:
    """Train and print how it went."""
    chosen = {name: getattr(arguments, name) for name in Settings.__struct_fields__}
    settings = convert(chosen, Settings, error=ConfigError, where="settings")
    record = train(
        arguments.photographs,
        arguments.out,
        settings,
        arguments.weights,
        resume=arguments.resume,
        cache=arguments.cache,
        tensorboard=arguments.tensorboard,
    )
    steps = {"before training": record.before, "after the head": record.after_head}
    steps["after fine-tuning"] = record.after_fine_tuning
    if arguments.json:
        sys.stdout.write(msgspec.json.encode({"run": str(arguments.out), **_summary(record)}).decode() + "\n")
        return 0
    sys.stdout.write(f"\non {len(record.part('test'))} photographs kept from training   accuracy    loss\n")
    for title, figures in steps.items():
        sys.stdout.write(f"  {title:<42}{figures.accuracy:>8.1%}{figures.loss:>8.3f}\n")
    sys.stdout.write(f"run folder: {arguments.out}, see report.html there\n")
    return 0


def train(
    photographs: Path,
    out: Path,
    settings: Settings,
    weights_from: str | None,
    *,
    resume: bool = False,
    cache: Path | None = None,
    tensorboard: Path | None = None,
) -> Record:
    """Train on `photographs` and leave a finished run in `out`, or an unfinished one that can be resumed.

    Args:
        photographs: Folder of class folders, or of parts.
        out: Must not exist, or be empty; or hold an unfinished run, with `resume`.
        settings: The recipe.
        weights_from: A file, `none`, or None to find ImageNet weights.
        resume: Go on with what is in `out`.
        cache: Folder for pixels that all runs share; by default where the system keeps caches.
        tensorboard: Folder for the curves.

    Raises:
        SortlineError: as the parts do.
    """
    check_size(find_backbone(settings.backbone), settings.size)
    cluster = read_cluster()
    watch = Watch()
    unfinished = out / UNFINISHED
    plan = _take_up(out, photographs, settings, weights_from) if resume else None
    if plan is None:
        if cluster.chief:
            _refuse_taken(out, resume=resume)
        plan = make_plan(photographs, weights_from, settings, _say)
    watch("audit")
    weights = _weights(weights_from, settings.backbone)
    watch("weights")
    if cluster.chief:
        save_plan(unfinished / _PLAN, plan)
    spec = InputSpec(height=settings.size, width=settings.size)
    try:
        rows = _Photographs(plan, spec, find_cache(unfinished, _say, cache))
        watch("pixels")
        devices, outcome = _fit(rows, plan, weights, cluster, unfinished, watch)
    except KeyboardInterrupt:
        _say(f"{out} is unfinished; the same command with --resume goes on")
        raise
    course = Course(
        stages=outcome.stages,
        points=outcome.points,
        validation=Judged(rows.examples("validation"), outcome.validation, rows.paths("validation")),
        test=Judged(rows.examples("test"), outcome.test, rows.paths("test")),
        weights=f"{weights.way}, sha256 {weights.sha256}" if weights else None,
        device=devices.name,
        steps=watch.steps,
    )
    before, after_head, after = (_figures(stage) for stage in outcome.stages)
    record = Record(
        tool=f"sortline {importlib.metadata.version('sortline')}",
        settings=settings,
        input=spec,
        classes=plan.classes,
        weights=course.weights,
        photographs=plan.photographs,
        files=plan.files,
        left_out=plan.left_out,
        before=before,
        after_head=after_head,
        after_fine_tuning=after,
        seconds={step.name: step.seconds for step in watch.steps},
    )
    if cluster.chief:
        write_report(out, make_report(out.name, plan, spec, course))
        if tensorboard:
            write_tensorboard(tensorboard, course.points)
        _save_model(outcome.model, out)
        save_record(out, record)
        shutil.rmtree(unfinished)
    return record


def _refuse_taken(out: Path, *, resume: bool) -> None:
    """See that a new run can be made in `out`."""
    begun = (out / UNFINISHED).is_dir()
    if begun and not resume:
        raise ConfigError(f"{out} holds an unfinished training; add --resume to go on with it, or remove it")
    if out.exists() and not begun and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} exists already; choose another place or remove it first")


def _take_up(out: Path, photographs: Path, settings: Settings, weights_from: str | None) -> Plan | None:
    """The plan of the unfinished run in `out`; None where it ended before there was one."""
    if (out / RECORD).exists():
        raise ConfigError(f"{out} is finished; there is nothing to resume")
    if not (out / UNFINISHED / _PLAN).exists():
        return None
    plan = load_plan(out / UNFINISHED / _PLAN)
    given = {"photographs": str(photographs.resolve()), "weights": weights_from, **msgspec.structs.asdict(settings)}
    kept = {"photographs": plan.photographs, "weights": plan.weights, **msgspec.structs.asdict(plan.settings)}
    for name, value in given.items():
        if value != kept[name]:
            raise ConfigError(f"{out} was begun with {name} {kept[name]}, not {value}; resume it as it was begun")
    _say(f"resuming {out}")
    return plan


class _Photographs:
    """The run's photographs as pixels, mapped."""

    def __init__(self, plan: Plan, spec: InputSpec, cache: Path) -> None:
        self._plan, self._spec, self._cache = plan, spec, cache
        self._labels = np.array([plan.classes.index(file.class_name) for file in plan.files], np.int64)
        self._pixels = open_pixels(*self._files(range(len(plan.files))), spec, cache)

    def examples(self, *parts: Part) -> Examples:
        """The photographs of some parts."""
        chosen = self._of(parts)
        return Examples(self._pixels.select(chosen), self._labels[chosen])

    def masks(self, *parts: Part) -> Rows:
        """Outlines of the items of some parts."""
        return open_masks(*self._files(self._of(parts)), self._spec, self._cache)

    def paths(self, part: Part) -> tuple[str, ...]:
        """Where the photographs of a part are, below the folder."""
        return tuple(self._plan.files[nth].path for nth in self._of((part,)))

    def _of(self, parts: Sequence[Part]) -> list[int]:
        return [nth for nth, file in enumerate(self._plan.files) if file.part in parts]

    def _files(self, chosen: "range | list[int]") -> tuple[list[Path], list[str]]:
        files = [self._plan.files[nth] for nth in chosen]
        return [Path(self._plan.photographs) / file.path for file in files], [file.sha256 for file in files]


def _weights(weights_from: str | None, backbone: str) -> Weights | None:
    if weights_from == NO_WEIGHTS:
        _say("weights: none, as asked; the backbone starts from random numbers")
        return None
    return find_weights(Path(weights_from) if weights_from else None, say=_say, backbone=find_backbone(backbone))


def _fit(
    rows: _Photographs, plan: Plan, weights: Weights | None, cluster: Cluster, state: Path, watch: Watch
) -> "tuple[Devices, Outcome]":
    with quiet():
        from sortline_train.devices import use_devices
        from sortline_train.fit import Task, train_classifier
        from sortline_train.views import Album

        devices = use_devices(cluster)
    _say(f"device: {devices.name}")
    watch("start of TensorFlow")
    settings = plan.settings
    grounds = draw_grounds(settings.seed)

    def album(*parts: Part) -> Album:
        shown = rows.examples(*parts)
        return Album(
            pixels=shown.pixels,
            masks=rows.masks(*parts),
            labels=shown.labels,
            grounds=grounds,
            share=settings.grounds,
            size=settings.size,
            seed=settings.seed,
        )

    learnt = album("train")
    everything = album("train", "validation") if settings.final else learnt
    watch("outlines")
    task = Task(
        album=learnt,
        everything=everything,
        validation=rows.examples("validation"),
        test=rows.examples("test"),
        classes=len(plan.classes),
        backbone=find_backbone(settings.backbone),
        arrays=weights.arrays if weights else None,
        settings=settings,
    )
    return devices, train_classifier(task, devices, state, _say, watch)


def _save_model(model: Any, out: Path) -> None:
    draft = out / UNFINISHED / MODEL
    model.save(draft)
    write_whole(out / MODEL, draft.read_bytes())


def _figures(stage: Stage) -> Figures:
    return Figures(accuracy=float(stage.test_accuracy or 0), loss=float(stage.test_loss_nats or 0))


def _summary(record: Record) -> dict[str, Any]:
    return {
        "classes": record.classes,
        "photographs": len(record.files),
        "left_out": len(record.left_out),
        "test": len(record.part("test")),
        "before": record.before,
        "after_head": record.after_head,
        "after_fine_tuning": record.after_fine_tuning,
        "weights": record.weights,
        "seconds": record.seconds,
    }


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
