"""The frozen set: placements and pages that the judge is asked about again and again, and what each judge answered."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.asking import Said
from state.errors import SettingsError
from state.placement import Placement
from state.shopper import ShopperContext

FOLDER: Final = Path(__file__).parent / "frozen"
ITEMS, CHECKSUM, BASELINES = "judge_items.jsonl.gz", "judge_items.sha256", "judge_baselines.json"
_MEND: Final = "Restore it, or make the set again: python benchmarks/judge_frozen_set.py --write"


class FrozenItem(BaseModel):
    """A page, or one placement, with all that the judge is shown of it and its shopper, and the true answers."""

    model_config = ConfigDict(extra="forbid")

    id: str
    page: bool
    shopper: ShopperContext
    placements: list[Placement] = Field(min_length=1)
    min_products: int = Field(ge=1)
    truth: dict[str, bool]


class Baseline(BaseModel):
    """What one judge answered on the frozen set when it was last found good."""

    model_config = ConfigDict(extra="forbid")

    adapter_sha256: str | None = None
    prompt: str
    frozen: str = Field(description="Digest of the set that was asked about.")
    answers: dict[str, Said]


class Baselines(BaseModel):
    """The file: one baseline for each judge model."""

    model_config = ConfigDict(extra="forbid")

    judges: dict[str, Baseline] = Field(default_factory=dict)


def pack(items: Sequence[FrozenItem]) -> bytes:
    """Return the bytes of the set's file: the same items give the same bytes."""
    lines = "".join(f"{item.model_dump_json(exclude_defaults=True)}\n" for item in items)
    return gzip.compress(lines.encode(), mtime=0)


def load_frozen(folder: Path = FOLDER) -> tuple[list[FrozenItem], str]:
    """Return the items of the set and a digest of them.

    Raises:
        SettingsError: the file is missing or not the one that was stored.
    """
    path = folder / ITEMS
    try:
        content = path.read_bytes()
        expected = (folder / CHECKSUM).read_text("utf-8").split()[0]
        digest = hashlib.sha256(content).hexdigest()
        if digest != expected:
            raise SettingsError(f"{path} is not the frozen set that was stored (SHA-256 {digest[:12]}). {_MEND}")
        lines = gzip.decompress(content).decode().splitlines()
        return [FrozenItem.model_validate_json(line) for line in lines], digest[:12]
    except (OSError, EOFError, IndexError, ValueError) as error:
        raise SettingsError(f"{path} cannot be used ({type(error).__name__}). {_MEND}") from error


def read_baselines(folder: Path = FOLDER) -> Baselines:
    """Return the baselines; none without the file.

    Raises:
        SettingsError: the file cannot be used.
    """
    path = folder / BASELINES
    try:
        return Baselines.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Baselines()
    except (OSError, ValidationError) as error:
        raise SettingsError(
            f"{path} cannot be used ({type(error).__name__}). Restore it, or delete it and record baselines again: "
            "shelfwise judge-check --record"
        ) from error


def baselines_text(baselines: Baselines) -> str:
    """Return the text of the file, a line an item, so that a change shows what moved."""
    judges = []
    for model, one in sorted(baselines.judges.items()):
        rows = [f"    {json.dumps(item)}: {json.dumps(said)}" for item, said in sorted(one.answers.items())]
        facts = one.model_dump(exclude={"answers"})
        head = "".join(f"   {json.dumps(name)}: {json.dumps(value)},\n" for name, value in facts.items())
        answers = ",\n".join(rows)
        judges.append(f'  {json.dumps(model)}: {{\n{head}   "answers": {{\n{answers}\n   }}\n  }}')
    return '{\n "judges": {\n' + ",\n".join(judges) + "\n }\n}\n"
