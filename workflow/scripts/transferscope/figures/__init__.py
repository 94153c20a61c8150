"""Figures: one style for the whole project, one file per paper."""
