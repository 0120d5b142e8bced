"""The callers of language models: page designer, keyword writer, judge. Prompts are files in ``prompts/``."""
