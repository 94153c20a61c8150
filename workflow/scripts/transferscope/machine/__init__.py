"""The machine that a job runs on: its GPUs, the one that computes, who may write to a folder, what SLURM still runs."""
