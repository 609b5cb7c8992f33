"""`python -m evals`."""

from evals.run.command import main

if __name__ == "__main__":
    main()
