"""The run: cases in processes of their own, answered by a model, judged, kept as lines of JSON."""
