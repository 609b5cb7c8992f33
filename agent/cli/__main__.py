"""`python -m agent.cli`: the command without its script."""

from agent.cli import main

if __name__ == "__main__":
    main()
