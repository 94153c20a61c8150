"""Figures: one style for the whole project, one folder per paper."""
