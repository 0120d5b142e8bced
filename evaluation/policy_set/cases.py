"""One case of the policy set, and the file they ship in."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from state.errors import ShelfwiseError
from state.placement import Placement
from state.shopper import ShopperContext

DATA_DIR = Path(__file__).resolve().parent / "data"
SET_FILE = DATA_DIR / "policy_set.jsonl.gz"
RECORD_FILE = DATA_DIR / "policy_set.json"

Half = Literal["mend", "held_out"]


class PolicySetError(ShelfwiseError):
    """The policy set or the families it is made of cannot be used."""


class PolicyCase(BaseModel):
    """A placement, the shopper it is for, and what must happen to it.

    ``rule`` is the id of the rule that it breaks, None for a clean case; ``near`` the rule that a clean case only looks
    like breaking. ``bad`` lists the product ids that must go; a case that breaks a rule without bad products breaks it
    by its text, and must be dropped. All other products must stay.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    family: str
    half: Half
    rule: str | None = None
    near: str | None = None
    placement: Placement
    shopper: ShopperContext
    bad: list[str] = Field(default_factory=list)
    disguise: str = "none"


class SetRecord(BaseModel):
    """What a stored policy set was made from. ``sha256`` is of the unpacked lines."""

    model_config = ConfigDict(extra="forbid")

    sha256: str
    cases: int
    violations: int
    seed: int
    catalog: str
    families: str = Field(description="Digest of the pools and families.")


def write_cases(cases: Sequence[PolicyCase], seed: int, catalog: str, families: str) -> SetRecord:
    """Write the set and its record into the package; the same cases give the same bytes."""
    text = "".join(case.model_dump_json(exclude_defaults=True) + "\n" for case in cases).encode()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(text)
    record = SetRecord(
        sha256=hashlib.sha256(text).hexdigest(),
        cases=len(cases),
        violations=sum(case.rule is not None for case in cases),
        seed=seed,
        catalog=catalog,
        families=families,
    )
    SET_FILE.write_bytes(packed.getvalue())
    RECORD_FILE.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return record


def read_cases() -> tuple[list[PolicyCase], SetRecord]:
    """Return the stored set and its record.

    Raises:
        PolicySetError: a file is missing or damaged, or the set is not the one that the record describes.
    """
    try:
        record = SetRecord.model_validate_json(RECORD_FILE.read_text("utf-8"))
        text = gzip.decompress(SET_FILE.read_bytes())
        cases = [PolicyCase.model_validate(json.loads(line)) for line in text.splitlines()]
    except (OSError, EOFError, ValueError, ValidationError) as error:
        raise PolicySetError(
            f"the policy set cannot be read ({type(error).__name__}). Make it again: "
            "python benchmarks/policy_set.py --make"
        ) from error
    if hashlib.sha256(text).hexdigest() != record.sha256:
        raise PolicySetError(
            f"{SET_FILE.name} is not the set that {RECORD_FILE.name} describes. Restore both files, or make the set "
            "again: python benchmarks/policy_set.py --make"
        )
    return cases, record
