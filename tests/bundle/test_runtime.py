"""Which TFLite runtime is taken, and what it does with a model."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sortline_bundle.errors import ConfigError, ContractMismatch, ModelRefused
from sortline_bundle.runtime import Model, find_runtime

Build = Callable[..., bytes]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a tflite-runtime whose interpreter module is the code given, and takes LiteRT away."""

    def put(code: str) -> None:
        package = tmp_path / "tflite_runtime"
        package.mkdir()
        (package / "__init__.py").write_text('__version__ = "2.14.0"\n')
        (package / "interpreter.py").write_text(code)
        monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
        monkeypatch.syspath_prepend(tmp_path)

    yield put
    for name in ("tflite_runtime", "tflite_runtime.interpreter"):
        sys.modules.pop(name, None)


def test_litert_is_taken_first() -> None:
    import ai_edge_litert

    for choice in ("auto", "litert"):
        runtime = find_runtime(choice)  # type: ignore[arg-type]
        assert str(runtime) == f"litert {ai_edge_litert.__version__}"


def test_tflite_runtime_is_taken_where_litert_is_not(
    install: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("class Interpreter: ...")
    monkeypatch.setattr(np, "__version__", "1.26.4")
    assert str(find_runtime()) == "tflite-runtime 2.14.0"
    with pytest.raises(ConfigError, match=r"litert is not installed: pip install 'sortline\[edge\]'"):
        find_runtime("litert")


def test_tflite_runtime_with_numpy_2_is_refused_in_one_sentence(
    install: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("class Interpreter: ...")
    monkeypatch.setattr(np, "__version__", "2.4.6")
    with pytest.raises(ConfigError, match=r"^tflite-runtime 2\.14\.0 was built for NumPy 1 .*NumPy 2\.4\.6: pip inst"):
        find_runtime("tflite-runtime")


def test_no_runtime_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    with pytest.raises(ConfigError, match="no TFLite runtime is installed"):
        find_runtime()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import not_installed_anywhere", "is installed but needs not_installed_anywhere: pip install not_installed"),
        ("raise ImportError('GLIBC_9 not found')", "is installed but cannot be loaded: GLIBC_9 not found"),
    ],
)
def test_a_runtime_that_is_there_and_broken_is_not_passed_over(
    install: Callable[[str], None], code: str, sentence: str
) -> None:
    install(code)
    with pytest.raises(ConfigError, match=f"^tflite-runtime {sentence}"):
        find_runtime()


def test_a_model_answers_what_stands_in_its_input(tflite_file: Build) -> None:
    model = Model(tflite_file("ABS", shape=(1, 4, 5, 3)))
    pixels = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    for picture in (pixels, -2 * pixels):
        model.view()[...] = picture
        answer = model.run()
        assert answer.dtype == np.float32
        np.testing.assert_array_equal(answer, abs(picture))


def test_an_answer_is_the_callers_to_keep(tflite_file: Build) -> None:
    model = Model(tflite_file("ABS"))
    model.view()[...] = -1
    first = model.run()
    model.view()[...] = -2
    assert (model.run() == 2).all()
    assert (first == 1).all()


def test_what_cannot_be_loaded_is_refused_with_the_runtimes_reason(tflite_file: Build) -> None:
    with pytest.raises(ModelRefused, match=r"^the model cannot be loaded by litert \S+: [^\n]*Mystery[^\n]*$"):
        Model(tflite_file(None, custom="Mystery"))


def test_a_reason_is_short_and_cannot_command_the_terminal(tflite_file: Build) -> None:
    with pytest.raises(ModelRefused) as caught:
        Model(tflite_file(None, custom="Red\x1b[31m" + "x" * 10_000))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_model_of_two_inputs_is_refused(tflite_file: Build) -> None:
    with pytest.raises(ContractMismatch, match="2 inputs and 1 outputs"):
        Model(tflite_file("MAXIMUM", ends=2))
