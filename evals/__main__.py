"""`python -m evals` is `autohealer eval`, where the package is not installed."""

from evals.commands import evaluate

if __name__ == "__main__":
    evaluate(prog_name="python -m evals")
