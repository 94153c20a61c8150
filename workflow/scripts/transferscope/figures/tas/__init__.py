"""Figures of Magai & Soroka 2023: Table 1, Figure 1 (maps of changed similarity) and Figure 2 (TAs over fine-tuning).

Everywhere, `scores` is the table scores.csv, `roles` maps each model of the config to the paper's architecture that it
stands for (or None), and `targets` maps each target to its distance from the source domain: near, far or control.
"""
