"""The whole way in one go: photographs, model, int8 bundle, and a sorting run on the simulated belt.

    python demo/demo.py --out build/demo [--photos FOLDER]

Every step is a `sortline` command, printed before it runs, so that it can be copied. Leaves under OUT:

    photographs/   drawn, unless --photos is given      run/             the training run
    items/         photographs for the belt             demo.sortline    the bundle
    report.html    the belt's report                    belt.mp4         what the camera saw
    predictions.png                                     summary.json     all figures
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PER_CLASS = 130
ITEMS = 240
THRESHOLD = 0.9
MARK = ".sortline-demo"  # what is in a folder with this may be removed


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(description="The whole way of sortline, on drawn photographs or your own.")
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="folder for everything; made anew")
    parser.add_argument("--photos", type=Path, help="class folders of photographs (default: they are drawn)")
    arguments = parser.parse_args()
    out: Path = arguments.out
    if out.exists() and not (out / MARK).exists() and any(out.iterdir()):
        sys.stderr.write(f"{out} holds something other than an earlier demo; choose another folder with --out\n")
        return 2
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()
    try:
        summary = _Demo(out, arguments.photos).run()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"the demo stopped: {shlex.join(error.cmd)} ended with exit code {error.returncode}\n")
        return int(error.returncode)
    _print(summary, out)
    return 0


class _Demo:
    """The steps, and how long each took."""

    def __init__(self, out: Path, photographs: Path | None) -> None:
        self._out, self._given = out, photographs
        self._seconds: dict[str, float] = {}
        self._bundle = out / "demo.sortline"

    def run(self) -> dict[str, Any]:
        """Go through all steps."""
        out, bundle = self._out, self._bundle
        photographs, items, colour = self._photographs()
        # Small and few where the photographs are drawn, so that the demo is short; the ordinary recipe for real ones.
        recipe = ["--size", "128", "--epochs", "12"] if self._given is None else []
        trained = self._step("train", "train", photographs, "-o", out / "run", *recipe, "--json")
        threshold = ("--threshold", THRESHOLD) if self._given is None else ()
        converted = self._step("convert", "convert", out / "run", "-o", bundle, *threshold, "--json")
        held_out = self._hold_out(photographs, items)
        sample = [str(path) for path in sorted(held_out.rglob("*.jp*g"))][:: max(1, ITEMS // 10)][:10]
        self._step("classify", "classify", bundle, *sample, "-o", out / "predictions.png", "--json")
        measured = self._step("evaluate", "evaluate", bundle, held_out, "--json")
        belt = ["--items", held_out, "--count", ITEMS, "--report", out / "report.html"]
        books = self._step("simulate", "simulate", bundle, *belt, "--save-video", out / "belt.mp4", "--json")
        summary = {
            "photographs": trained["photographs"],
            "classes": trained["classes"],
            "weights": trained["weights"],
            "accuracy_mean_colour": colour,
            "accuracy_before": trained["before"]["accuracy"],
            "accuracy_head": trained["after_head"]["accuracy"],
            "accuracy_float": converted["accuracy_float"],
            "accuracy_int8": converted["accuracy"],
            "agreement": converted["agreement"],
            "held_out": converted["held_out"],
            "accuracy_belt_photographs": measured["accuracy"],
            **{name: books[name] for name in ("purity", "recovery", "items", "missed", "double_counted", "late")},
            "doubtful": books["doubtful"],
            "items_per_min": books["throughput_per_min"],
            "bins": books["bins"],
            "seconds": {**self._seconds, "total": round(sum(self._seconds.values()), 1)},
        }
        (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        return summary

    def _photographs(self) -> tuple[Path, Path | None, float | None]:
        """Photographs to learn from, others for the belt (None: those held out), and what mean colour alone tells."""
        if self._given is not None:
            return self._given, None, None
        drawn, items = self._out / "photographs", self._out / "items"
        colour = self._step("catalogue", "catalogue", drawn, "--per-class", PER_CLASS, "--json")["mean_colour_accuracy"]
        self._step("items", "catalogue", items, "--per-class", ITEMS // 6, "--seed", 1, "--json")
        return drawn, items, colour

    def _hold_out(self, photographs: Path, items: Path | None) -> Path:
        """A folder of photographs that the model was neither trained on nor chosen by."""
        if items is not None:
            return items
        record = json.loads((self._out / "run" / "run.json").read_text(encoding="utf-8"))
        folder = self._out / "items"
        for file in record["files"]:
            if file["part"] == "test":
                link = folder / file["path"]
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to((photographs / file["path"]).resolve())
        return folder

    def _step(self, name: str, verb: str, *arguments: object) -> Any:
        command = ["sortline", verb, *map(str, arguments)]
        shown = command if len(command) < 16 else [*command[:6], "..."]
        print(f"\n$ {shlex.join(shown)}", flush=True)
        start = time.perf_counter()
        run = [sys.executable, "-m", "sortline_bundle.command", *command[1:]]
        result = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True)
        self._seconds[name] = round(time.perf_counter() - start, 1)
        return json.loads(result.stdout)


def _print(summary: dict[str, Any], out: Path) -> None:
    colour = summary["accuracy_mean_colour"]
    print(f"\n{summary['photographs']} photographs of {', '.join(summary['classes'])}")
    if colour is not None:
        print(f"  mean colour alone         {colour:7.1%} right")
    print(f"  before training           {summary['accuracy_before']:7.1%}")
    print(f"  after the head            {summary['accuracy_head']:7.1%}")
    print(f"  trained, float            {summary['accuracy_float']:7.1%} on {summary['held_out']} held-out photographs")
    print(f"  converted, int8           {summary['accuracy_int8']:7.1%}, same answer {summary['agreement']:.1%}")
    print(f"\n{'bin':<12}{'items':>7}{'right':>7}{'purity':>9}{'recovery':>10}")
    for book in summary["bins"]:
        shares = ("-" if book[name] is None else f"{book[name]:.1%}" for name in ("purity", "recovery"))
        print("{:<12}{:>7}{:>7}{:>9}{:>10}".format(book["bin"], book["items"], book["right"], *shares))
    print(
        f"overall purity {summary['purity']:.1%}, recovery {summary['recovery']:.1%} of {summary['items']} items;",
        end=" ",
    )
    print(f"missed {summary['missed']}, double-counted {summary['double_counted']}, late {summary['late']}")
    print("seconds: " + ", ".join(f"{name} {seconds:g}" for name, seconds in summary["seconds"].items()))
    print(f"report: {(out / 'report.html').resolve()}")


if __name__ == "__main__":
    sys.exit(main())
