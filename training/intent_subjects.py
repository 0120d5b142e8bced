"""What a request about a query is about: the query, the part that is asked, and the categories offered."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from state.answers_intent import ParsedQuery, ReasonedRewrites, parsed_schema
from state.intent import QueryKind
from tools.labelled_queries import query_key
from training.examples import Example, Task
from training.intent_parts import IntentPart, QueryPart
from training.subject_base import SubjectBase


class IntentSubject(SubjectBase):
    """One part of a query: its parse (spelling, roles, categories out of ``paths``), or one kind of rewrites."""

    named: ClassVar[str] = "intents"

    task: Literal[Task.INTENTS] = Task.INTENTS
    query: str = Field(min_length=1)
    kind: QueryKind = "head"
    part: QueryPart
    paths: list[str] = Field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.part}-{hashlib.sha256(query_key(self.query).encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"

    def schema_of_answer(self) -> type[BaseModel]:
        return parsed_schema(self.paths) if self.part == "parse" else ReasonedRewrites

    def examples(self, answer: Any) -> list[Example]:
        about: dict[str, Any] = {"query": self.query, "kind": self.kind, "part": self.part}
        if isinstance(answer, ParsedQuery):
            # Data sets hold lower case and single spaces; the words of the roles follow the query's.
            roles = [query_key(role) for role in answer.roles]
            corrected = query_key(answer.corrected)
            return [IntentPart(**about, corrected=corrected, roles=roles, categories=answer.categories)]
        return [IntentPart(**about, rewrites=answer.rewrites)]
