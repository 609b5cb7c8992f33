"""The trusted test run inside the box. Standard library only: the target's interpreter runs it."""
