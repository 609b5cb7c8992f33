"""Hidden checks: what a right fix of a case has to do. Run in a box on the patched tree, shown to nobody."""
