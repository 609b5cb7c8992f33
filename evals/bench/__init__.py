"""`make bench`: the targets of speed and cost, measured here and now, each as a ratio in one run."""
