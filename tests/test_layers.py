"""Imports point downwards, and the drop-in folder never shadows the installed guardrails library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    {"state"},
    {"engines", "catalog"},
    {"tools", "ranking"},
    {"agents"},
    {"guardrails"},
    {"graph"},
    {"serving", "training", "evaluation"},
    {"cli"},
]
HEIGHT = {package: height for height, packages in enumerate(LAYERS) for package in packages}
FILES = sorted(file for package in HEIGHT for file in (ROOT / package).rglob("*.py"))


def imported_packages(file: Path) -> set[str]:
    """Return the root packages that a file imports absolutely, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_to_the_same_package_or_a_lower_layer(file: Path) -> None:
    own = file.relative_to(ROOT).parts[0]
    # In guardrails/ and elsewhere "import guardrails" means the installed library, never the folder.
    upwards = {
        package
        for package in (imported_packages(file) & HEIGHT.keys()) - {own, "guardrails"}
        if HEIGHT[package] >= HEIGHT[own]
    }
    assert not upwards, f"{file.relative_to(ROOT)} imports {sorted(upwards)} from the same or a higher layer"


def test_only_the_command_line_and_settings_know_the_environment() -> None:
    readers = [str(f.relative_to(ROOT)) for f in FILES if "os.environ" in f.read_text(encoding="utf-8")]
    allowed = {"state/settings.py"}
    assert set(readers) <= allowed, f"environment read outside state/settings.py: {sorted(set(readers) - allowed)}"


def test_the_guards_folder_is_no_package() -> None:
    assert not (ROOT / "guardrails" / "__init__.py").exists()


def test_import_guardrails_is_the_installed_library_from_the_project_root() -> None:
    code = "import guardrails, pathlib; print(pathlib.Path(guardrails.__file__).resolve())"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "site-packages" in found
    assert not Path(found.strip()).is_relative_to(ROOT / "guardrails")


def test_importing_the_page_graph_loads_no_model_runtime() -> None:
    code = (
        "import sys, graph.page; "
        "print([m for m in ('torch', 'openvino', 'openvino_genai', 'chromadb', 'sentence_transformers', 'guardrails') "
        "if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_importing_the_command_line_loads_no_model_runtime() -> None:
    code = (
        "import sys, cli.main; "
        "print([m for m in ('torch', 'openvino_genai', 'chromadb', 'guardrails') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
