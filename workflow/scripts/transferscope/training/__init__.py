"""Training: what a run is asked for, the one loop, what it measures along the way, and its state on disk."""
