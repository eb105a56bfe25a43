"""Makes the disk that forgets, and stores on it, importable by the tests of slots."""

import importlib.util
import sys
from pathlib import Path

for name in ("forgetful_disk", "small_stores"):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
