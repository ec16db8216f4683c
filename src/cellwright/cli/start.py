"""The console script's entry point: nothing but Ctrl-C while the commands are imported.

Once they are there, :mod:`cellwright.cli.main` and Typer answer it.
"""

import sys


def main() -> None:
    """Import the command line and run it."""
    try:
        from cellwright.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)
