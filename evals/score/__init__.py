"""Honest scores: what each run answered, judged by what is true, with intervals and by group."""
