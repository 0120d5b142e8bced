"""Which of the judge's questions may decide: those that its very model was measured to answer better than chance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.installed import adapter_path
from engines.manifest import sha256_of
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


class JudgeRecord(BaseModel):
    """The measurement of one judge. ``model`` is as answers name it, ``adapter_sha256`` the content of its adapter."""

    model_config = ConfigDict(extra="forbid")

    model: str
    adapter_sha256: str | None = None
    questions: dict[str, QuestionRecord]
    measured_on: str
    command: str

    @property
    def better_than_chance(self) -> set[str]:
        """Questions on placements that the settings may let decide."""
        return {name for name in _asked(self.questions) if self.questions[name].kappa_low > 0}

    @property
    def deciding(self) -> set[str]:
        """Questions on placements that decide without being named."""
        return {name for name in _asked(self.questions) if self.questions[name].kappa_low >= DECIDING_KAPPA}


class JudgeCalibration(BaseModel):
    """The file: one record a judge."""

    model_config = ConfigDict(extra="forbid")

    judges: list[JudgeRecord] = Field(default_factory=list)

    def record_of(self, model: str | None) -> JudgeRecord | None:
        """Return the record of the judge that answers name ``model``, None where there is none of its very weights."""
        for record in self.judges:
            if record.model == model and record.adapter_sha256 == adapter_digest(model):
                return record
        return None

    def with_record(self, record: JudgeRecord) -> JudgeCalibration:
        """Return the calibration with ``record`` in place of the one of the same model."""
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
    """Return the questions whose "no" counts when ``model`` says it.

    Of a judge that was measured: those that it answers well (lower end of kappa at least 0.4) or, where the settings
    name questions, those named that it answers better than chance. Of any other judge: those that the settings name.
    Questions on the page as a whole never decide, since their "no" names no placement.
    """
    record = calibration.record_of(model)
    if record is None:
        return frozenset(named or ())
    able = record.deciding if named is None else record.better_than_chance & {*named}
    return frozenset(question for question in _PLACEMENT_QUESTIONS if question in able)


def _asked(questions: Collection[str]) -> list[PlacementQuestion]:
    return [question for question in _PLACEMENT_QUESTIONS if question in questions]


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
        path = adapter_path(adapter)
        facts = path.stat()
        return _content_digest(path, facts.st_mtime_ns, facts.st_size)
    except (ModelsError, OSError):
        return None


@lru_cache(maxsize=16)
def _content_digest(path: Path, changed_ns: int, size: int) -> str:
    # Time and size are part of the key: a file that was written anew is read anew.
    return sha256_of(path)
