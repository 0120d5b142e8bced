"""Guards of query understanding: found in ``guardrails/intent``, built from settings, run one after the other."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from graph.dropins import DropIns, content_digest
from state.errors import SettingsError, ShelfwiseError
from state.intent import REWRITE_KINDS, IntentDraft, IntentPart, IntentVerdict
from state.intent_guard import IntentGuard, IntentGuardContext, is_intent_guard

log = logging.getLogger(__name__)

FOLDER = "intent"
IntentGuardSettings = Mapping[str, Mapping[str, Any]]
"""Settings of guards by guard name (``[intent.guards.<name>]`` of shelfwise.toml)."""

_INTENT_GUARDS = DropIns(
    base=IntentGuard,  # type: ignore[type-abstract]
    is_marked=is_intent_guard,
    mark="register_intent_guard",
    setting="guards_dir",
    unchecked="answers to queries",
)


class _BadAnswer(Exception):
    """The guard did what the contract does not allow."""


def discover_intent_guards(guards_dir: Path) -> list[type[IntentGuard]]:
    """Return the guards of the folder ``intent`` in ``guards_dir`` in running order: ``order``, then name.

    Raises:
        GuardLoadError: the folder or one of its files cannot be used; the message names the file and the fix.
    """
    parent = guards_dir.expanduser().absolute()
    found = _INTENT_GUARDS.discover(parent / FOLDER, parent=parent)
    return sorted(found, key=lambda guard: (guard.order, guard.name))


def build_intent_guards(
    classes: Sequence[type[IntentGuard]], settings: IntentGuardSettings | None = None
) -> list[IntentGuard]:
    """Return every guard of ``classes`` built from the settings under its name, in the same order.

    Raises:
        SettingsError: a key is unknown, a value is wrong, or settings are given for a guard that does not exist.
    """
    settings = settings or {}
    names = [cls.name for cls in classes]
    if unknown := sorted({*settings} - {*names}):
        raise SettingsError(f"settings for unknown guards: {', '.join(unknown)}. Known guards: {', '.join(names)}.")
    return [_build(cls, settings.get(cls.name, {})) for cls in classes]


def intent_guards_version(classes: Sequence[type[IntentGuard]], settings: IntentGuardSettings | None = None) -> str:
    """Return a digest that changes with any guard, its configuration, or a file of its folder or of the one above.

    The folder above holds what intent guards share with page guards (policy rules).
    """
    digest = hashlib.sha256()
    for guard in build_intent_guards(classes, settings):
        config = guard.config.model_dump(mode="json")
        digest.update(json.dumps([guard.name, guard.version, guard.order, config], sort_keys=True).encode())
    for folder in sorted({Path(inspect.getfile(cls)).parent for cls in classes}):
        digest.update(content_digest(folder).encode())
        digest.update(content_digest(folder.parent).encode())
    return digest.hexdigest()[:12]


def run_intent_guards(
    guards: Sequence[IntentGuard], draft: IntentDraft, context: IntentGuardContext
) -> tuple[IntentDraft, list[IntentVerdict]]:
    """Return what the guards leave of ``draft``, each judging what those before it left, and why the rest went."""
    verdicts: list[IntentVerdict] = []
    for guard in guards:
        draft, found = run_intent_guard(guard, draft, context)
        verdicts += found
    return draft, verdicts


def run_intent_guard(
    guard: IntentGuard, draft: IntentDraft, context: IntentGuardContext
) -> tuple[IntentDraft, list[IntentVerdict]]:
    """Return what ``guard`` leaves of ``draft``, and its verdicts; nothing but an interrupt escapes.

    A guard that raises, takes longer than its ``timeout_s`` or answers outside the contract takes out every part that
    it answers for, each with an ERROR verdict (one alone where there was none). It blocks: call it on a thread.
    """
    if not guard.config.enabled:
        return draft, []
    try:
        verdicts = _checked(guard, draft, context)
    except Exception as error:
        log.warning("intent guard %s failed: %s", guard.name, type(error).__name__)
        log.debug("intent guard %s", guard.name, exc_info=error)
        verdicts = _errors(guard, draft, _reason(guard, error))
    return _without(draft, verdicts), verdicts


def _build(cls: type[IntentGuard], settings: Mapping[str, Any]) -> IntentGuard:
    try:
        return cls(cls.Config(**settings))
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors()]
        known = ", ".join(cls.Config.model_fields)
        raise SettingsError(
            f"settings of intent guard '{cls.name}' are wrong (it knows: {known}):\n" + "\n".join(lines)
        ) from None


def _checked(guard: IntentGuard, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
    """Run the check in a thread of its own: one that hangs must not hold up the answer, nor the process at exit."""
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
    given = draft.model_copy(deep=True)

    def work() -> None:
        try:
            answers.put((guard.check(given, context), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=work, name=f"guard-{guard.name}", daemon=True).start()
    try:
        answer, error = answers.get(timeout=guard.config.timeout_s)
    except queue.Empty:
        raise _BadAnswer(f"no verdict within {guard.config.timeout_s:g} s") from None
    if error is not None:
        raise error if isinstance(error, Exception) else _BadAnswer(f"the guard raised {type(error).__name__}")
    _refuse_bad_answer(guard, draft, answer)
    return list(answer)


def _refuse_bad_answer(guard: IntentGuard, draft: IntentDraft, answer: Any) -> None:
    if not isinstance(answer, Sequence) or not all(isinstance(verdict, IntentVerdict) for verdict in answer):
        raise _BadAnswer("the guard did not return a sequence of verdicts")
    for verdict in answer:
        if verdict.guard != guard.name:
            raise _BadAnswer("the guard signed a verdict with another name")
        if verdict.part not in guard.parts:
            raise _BadAnswer(f"the guard does not answer for '{verdict.part}'")
        if verdict.text not in texts_of(draft, verdict.part):
            raise _BadAnswer(f"the guard took out a {verdict.part} that the draft does not hold")


def texts_of(draft: IntentDraft, part: IntentPart) -> list[str]:
    """Return the texts of one part of a draft, as verdicts name them; of an attribute its value."""
    if part in REWRITE_KINDS:
        return list(getattr(draft.rewrites, part))
    if part == "category":
        return list(draft.categories)
    if part == "attribute":
        return [attribute.value for attribute in draft.attributes]
    text = draft.product if part == "product" else draft.brand
    return [] if text is None else [text]


def _without(draft: IntentDraft, verdicts: Sequence[IntentVerdict]) -> IntentDraft:
    """Return ``draft`` without what the verdicts name."""
    if not verdicts:
        return draft
    left = draft.model_copy(deep=True)
    for verdict in verdicts:
        if verdict.part in ("product", "brand"):
            setattr(left, verdict.part, None)
        elif verdict.part == "category":
            left.categories = [path for path in left.categories if path != verdict.text]
        elif verdict.part == "attribute":
            left.attributes = [attribute for attribute in left.attributes if attribute.value != verdict.text]
        else:
            kept = [text for text in getattr(left.rewrites, verdict.part) if text != verdict.text]
            setattr(left.rewrites, verdict.part, kept)
    return left


def _errors(guard: IntentGuard, draft: IntentDraft, reason: str) -> list[IntentVerdict]:
    unchecked = [(part, text) for part in guard.parts for text in texts_of(draft, part)] or [(guard.parts[0], "")]
    return [
        guard.verdict(part, text, reason).model_copy(update={"outcome": "ERROR"})
        for part, text in dict.fromkeys(unchecked)
    ]


def _reason(guard: IntentGuard, error: Exception) -> str:
    """Name the failure without quoting it: foreign messages may carry keys, addresses or shopper text."""
    if isinstance(error, _BadAnswer):
        return f"{guard.name} could not judge: {error}"
    if isinstance(error, ShelfwiseError):
        return f"{guard.name} could not judge: {type(error).__name__}: {error}"[:300]
    return f"{guard.name} could not judge: {type(error).__name__}"
