"""What every subject of a request to the teacher has: an id, an answer schema, rows."""

from __future__ import annotations

import hashlib
import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from training.examples import Example

# Batch services take short ids of plain characters; a shop's own ids may be neither.
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,48}")


class UnknownChoice(ValueError):
    """An answer names something that was not offered, or leaves out something that was asked."""


class SubjectBase(BaseModel):
    """What a request is about, named by a key; each kind has its answer schema and gives its rows."""

    model_config = ConfigDict(extra="forbid")

    named: ClassVar[str]

    @property
    def key(self) -> str:
        raise AssertionError("each subject defines it")

    @property
    def custom_id(self) -> str:
        """The id under which the answer comes back; the same subject always has the same."""
        key = self.key if _PLAIN.fullmatch(self.key) else hashlib.sha256(self.key.encode()).hexdigest()[:24]
        return f"{self.named}-{key}"

    def schema_of_answer(self) -> type[BaseModel]:
        raise AssertionError("each subject defines it")

    def examples(self, answer: Any) -> list[Example]:
        """Return the rows that ``answer``, an instance of the schema, gives."""
        raise AssertionError("each subject defines it")
