"""Who is told: one message per root cause, by its life, and never at the cost of a heal."""
