"""A training from photographs to run folder: plan, pixels, weights, the training itself, report.

TensorFlow is loaded late: what is wrong with the photographs or the settings shows within seconds.
"""

import importlib.metadata
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.moments import write_moment
from sortline_bundle.preprocess import InputSpec
from sortline_bundle.quiet import quiet
from sortline_train.account import Course, Judged, Watch, make_report
from sortline_train.backbones import check_size, find_backbone
from sortline_train.devices import Cluster, read_cluster
from sortline_train.grounds import draw_grounds
from sortline_train.material import Material
from sortline_train.pixels import find_cache
from sortline_train.plan import Plan, load_plan, make_plan, save_plan
from sortline_train.report import Stage, write_report, write_tensorboard
from sortline_train.run import MODEL, RECORD, UNFINISHED, Figures, Part, Record, Settings, save_record
from sortline_train.weights import Weights, find_weights

if TYPE_CHECKING:
    from sortline_train.devices import Devices
    from sortline_train.fit import Outcome

NO_WEIGHTS = "none"
_PLAN = "plan.json"


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
        rows = Material(plan, spec, find_cache(unfinished, _say, cache))
        watch("pixels")
        devices, outcome = _fit(rows, plan, weights, cluster, unfinished, watch)
    except KeyboardInterrupt:
        _say(f"{out} is unfinished; the same command with --resume goes on")
        raise
    course = Course(
        stages=outcome.stages,
        points=outcome.tuned.points,
        way=outcome.tuned.way,
        validation=Judged(rows.examples("validation"), outcome.validation, rows.paths("validation")),
        test=Judged(rows.examples("test"), outcome.test, rows.paths("test")),
        weights=f"{weights.way}, sha256 {weights.sha256}" if weights else None,
        device=devices.name,
        steps=watch.steps,
    )
    before, after_head, after = (_figures(stage) for stage in outcome.stages)
    record = Record(
        tool=f"sortline {importlib.metadata.version('sortline')}",
        finished=write_moment(datetime.now(UTC)),
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
    """See that a new run can be made in `out`, before the work begins."""
    begun = (out / UNFINISHED).is_dir()
    if begun and not resume:
        raise ConfigError(f"{out} holds an unfinished training; add --resume to go on with it, or remove it")
    if out.exists() and not begun and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} exists already; choose another place or remove it first")
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"{nearest} cannot be written to; choose another place for the run, or give access there")


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


def _weights(weights_from: str | None, backbone: str) -> Weights | None:
    if weights_from == NO_WEIGHTS:
        _say("weights: none, as asked; the backbone starts from random numbers")
        return None
    return find_weights(Path(weights_from) if weights_from else None, say=_say, backbone=find_backbone(backbone))


def _fit(
    rows: Material, plan: Plan, weights: Weights | None, cluster: Cluster, state: Path, watch: Watch
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
    return Figures(accuracy=stage.test_accuracy, loss=stage.test_loss_nats)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
