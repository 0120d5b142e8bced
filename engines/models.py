"""Model weights: fetched, checked, found. The public face of ``engines.fetch`` and ``engines.installed``."""

from engines.fetch import Fetched, FetchRequest, Progress, fetch
from engines.installed import ModelState, adapter_path, list_models, model_path, plain_weights

__all__ = [
    "FetchRequest",
    "Fetched",
    "ModelState",
    "Progress",
    "adapter_path",
    "fetch",
    "list_models",
    "model_path",
    "plain_weights",
]
