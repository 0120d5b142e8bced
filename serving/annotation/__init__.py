"""The annotation page: people answer the judge's questions on a blind sample."""
