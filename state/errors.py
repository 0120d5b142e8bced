"""Exceptions of Shelfwise. Each message names the cause and the fix.

::

    ShelfwiseError
    ├── SettingsError          a setting or a configuration file is wrong
    ├── CatalogError           catalogue data cannot be read or is not there
    │   └── CatalogMissing     nothing imported yet
    ├── CorpusMissing          no keyword corpus or index built yet
    ├── ModelsError            weights cannot be fetched, checked or loaded
    │   └── ModelsMissing      weights not fetched yet
    ├── EngineError            a chat engine did not answer (transport: worth a retry when ``retryable``)
    │   ├── EngineUnavailable  no connection, overload, 5xx
    │   └── EngineTimeout      no answer in time
    ├── AnswerRejected         the model kept breaking the schema after every re-ask
    ├── GuardLoadError         a file in the guards folder cannot be used
    ├── AnnotationError        a study or a file of people's answers cannot be used
    └── StoreError             the page store cannot be opened or read
        ├── StoreUnavailable   it does not answer now (worth a retry after ``retry_after_s``)
        └── PageUnreadable     a stored entry is no page any more
"""

from __future__ import annotations


class ShelfwiseError(Exception):
    """Base of all errors that Shelfwise raises on purpose."""

    retryable: bool = False


class SettingsError(ShelfwiseError):
    """A setting or a configuration file is wrong."""


class CatalogError(ShelfwiseError):
    """Catalogue data cannot be read."""


class CatalogMissing(CatalogError):
    """No catalogue has been imported yet."""


class CorpusMissing(ShelfwiseError):
    """No keyword corpus or index has been built yet."""


class ModelsError(ShelfwiseError):
    """Model weights cannot be fetched, checked or loaded."""


class ModelsMissing(ModelsError):
    """Model weights have not been fetched yet."""


class EngineError(ShelfwiseError):
    """A chat engine did not answer."""


class EngineUnavailable(EngineError):
    """The engine cannot be reached or is overloaded."""

    retryable = True


class EngineTimeout(EngineError):
    """The engine did not answer in time."""

    retryable = True


class AnswerRejected(ShelfwiseError):
    """The model's answer broke the schema after every re-ask."""


class QueryError(ShelfwiseError):
    """A query cannot be read: empty, too long, without a word."""


class LabelledQueriesError(ShelfwiseError):
    """The file of labelled queries cannot be used."""


class GuardLoadError(ShelfwiseError):
    """A file in the guards folder cannot be used."""


class AnnotationError(ShelfwiseError):
    """A study, or a file of people's answers, cannot be used."""


class StoreError(ShelfwiseError):
    """The page store cannot be opened or read."""


class StoreUnavailable(StoreError):
    """The page store does not answer. ``retry_after_s`` is when to ask again."""

    retryable = True

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PageUnreadable(StoreError):
    """A stored entry is no page any more."""
