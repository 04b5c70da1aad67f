"""Run the commands as ``python -m evallib``."""

from evallib.cli import app

if __name__ == "__main__":
    app()
