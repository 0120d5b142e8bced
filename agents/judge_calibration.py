"""Which of the judge's questions may decide: those that its very model was measured to answer well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.judge import prompt_version
from engines import versions
from state.answers_judge import PlacementQuestion
from state.errors import ModelsError, SettingsError
from state.settings import RoleSettings

FILE: Final = "judge_calibration.json"
"""Its name in the folder of guards."""
DECIDING_KAPPA: Final = 0.4
"""What the lower end of kappa's interval must reach for a question to decide without being named in the settings.

Landis and Koch (1977) call 0.41 to 0.60 moderate agreement. A judge that is only just better than chance says "no" to
nearly as many good placements as bad ones.
"""
_PLACEMENT_QUESTIONS: Final[tuple[PlacementQuestion, ...]] = get_args(PlacementQuestion)


class QuestionRecord(BaseModel):
    """How one question was answered on the test split. An answer that could not be read counts as wrong.

    ``kappa`` is Cohen's, ``kappa_low`` and ``kappa_high`` its 95 % bootstrap interval. ``leniency`` is the share of
    "yes" given less the share that is true. ``false_no`` is the share of good ones that got a "no". ``flips`` is the
    share of answers that change when the page's themes are shown in reverse; None for questions on one placement.
    """

    model_config = ConfigDict(extra="forbid")

    examples: int
    unreadable: float
    accuracy: float
    kappa: float
    kappa_low: float
    kappa_high: float
    leniency: float
    false_no: float
    flips: float | None = None


class Bounds(BaseModel):
    """An estimate with its interval; None where it is undefined."""

    model_config = ConfigDict(frozen=True)

    estimate: float | None
    low: float | None
    high: float | None


class QuestionAlignment(BaseModel):
    """The judge against people on one question.

    ``items`` were answered by both; ``unread`` are items that people answered and the judge did not (an unreadable
    answer is no "no"). ``leniency`` is the judge's share of "yes" less that of people: above 0 the judge is lenient.
    ``caught`` is the share of people's "no" that the judge answers "no" as well. ``decides`` is the gate's word,
    ``why_not`` what is missing.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    items: int
    unread: int
    people_no: int
    accuracy: Bounds
    kappa: Bounds
    leniency: float | None
    caught: float | None
    decides: bool
    why_not: str = ""


class AlignmentReport(BaseModel):
    """One judge held to people's answers, by question. Valid for this model, adapter and prompt alone."""

    model_config = ConfigDict(extra="forbid")

    judge: str
    adapter_sha256: str | None = None
    prompt: str
    people: str = Field(description="Who answered what: annotators, and a digest of their answers.")
    command: str = ""
    questions: list[QuestionAlignment]


class JudgeRecord(BaseModel):
    """What is known of one judge: a model (as answers name it), the content of its adapter, and the prompt it is asked.

    ``questions`` were measured on examples with faults made on purpose, ``people`` on what people answered. Where there
    are answers of people, they alone count.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    adapter_sha256: str | None = None
    prompt: str
    questions: dict[str, QuestionRecord] = Field(default_factory=dict)
    measured_on: str = ""
    command: str = ""
    people: AlignmentReport | None = None

    @property
    def better_than_chance(self) -> set[str]:
        """Questions on placements that the settings may let decide."""
        return self._at_least(0.0, above=True)

    @property
    def deciding(self) -> set[str]:
        """Questions on placements that decide without being named."""
        return self._at_least(DECIDING_KAPPA)

    def _at_least(self, kappa: float, *, above: bool = False) -> set[str]:
        if self.people is not None:
            able = {found.question for found in self.people.questions if found.decides}
        else:
            lows = {name: found.kappa_low for name, found in self.questions.items()}
            able = {name for name, low in lows.items() if low > kappa or (low == kappa and not above)}
        return able & {*_PLACEMENT_QUESTIONS}

    def same_judge(self, other: JudgeRecord) -> bool:
        mine, theirs = ((of.model, of.adapter_sha256, of.prompt) for of in (self, other))
        return mine == theirs


class JudgeCalibration(BaseModel):
    """The file: one record a judge."""

    model_config = ConfigDict(extra="forbid")

    judges: list[JudgeRecord] = Field(default_factory=list)

    def record_of(self, model: str | None) -> JudgeRecord | None:
        """Return the record of the judge that answers name ``model``.

        None where there is none of its very weights, asked by the prompt in force.
        """
        for record in self.judges:
            if record.model == model and record.prompt == prompt_version():
                return record if record.adapter_sha256 == adapter_digest(model) else None
        return None

    def with_record(self, record: JudgeRecord) -> JudgeCalibration:
        """Return the calibration with ``record`` in place of the one of the same model.

        What the older one knows and ``record`` does not (questions, people) stays if it is of the very same judge.
        """
        for old in self.judges:
            if old.same_judge(record):
                given = {name: getattr(record, name) for name in record.model_fields_set}
                record = old.model_copy(update=given)
        others = [other for other in self.judges if other.model != record.model]
        return JudgeCalibration(judges=sorted([*others, record], key=lambda judge: judge.model))


def read_calibration(folder: Path) -> JudgeCalibration:
    """Return the calibration in the folder of guards; without the file no judge was measured.

    Raises:
        SettingsError: the file cannot be used.
    """
    path = folder / FILE
    try:
        return JudgeCalibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return JudgeCalibration()
    except (OSError, ValidationError) as error:
        raise SettingsError(
            f"{path} cannot be used ({type(error).__name__}). Restore it, or measure the judge again: "
            "python benchmarks/judge_questions.py --write"
        ) from error


def deciding_questions(
    calibration: JudgeCalibration, model: str | None, named: Sequence[PlacementQuestion] | None
) -> frozenset[PlacementQuestion]:
    """Return the questions whose "no" counts when ``model`` says it: none of a judge that was not measured.

    Held to people's answers, those that pass the gate (``shelfwise annotate align``). Measured on made-up faults alone,
    those that it answers well (lower end of kappa at least 0.4) or, where the settings name questions, better than
    chance. ``named`` leaves only those that it names. Questions on the page as a whole never decide, since their "no"
    names no placement.
    """
    record = calibration.record_of(model)
    if record is None:
        return frozenset()
    able = record.deciding if named is None else record.better_than_chance & {*named}
    return frozenset(question for question in _PLACEMENT_QUESTIONS if question in able)


def answering_model(role: RoleSettings) -> str:
    """Return the name under which answers of ``role`` come."""
    return f"{role.model}+{role.adapter}" if role.adapter else role.model


def adapter_digest(model: str | None) -> str | None:
    """Return the SHA-256 of the adapter in the name of an embedded model (``base+adapter``), None without one.

    The name of a model at an endpoint may hold a plus sign too: what is no adapter here has no digest.
    """
    _, plus, adapter = (model or "").partition("+")
    if not plus:
        return None
    try:
        return versions.adapter_digest(adapter)
    except ModelsError:
        return None
