"""Runs questions side by side: the first failure ends them all, and is raised as what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def ask_side_by_side(questions: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all ``questions``. When one fails the others are cancelled and its exception escapes, not a group."""
    tasks = [asyncio.create_task(question) for question in questions]
    try:
        for task in asyncio.as_completed(tasks):
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
