"""The training runs of a paper as the config has them: one file per paper says which there are."""
