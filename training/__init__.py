"""Teacher labels and the data sets made of them: requests, answers, splits, quality gate."""
