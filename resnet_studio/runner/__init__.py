"""One cohort from specification to stored end: prepare, train, end."""
