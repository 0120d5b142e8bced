"""Model runtimes behind small seams: chat engines, the sentence embedder, the pair scorer, and their weights."""
