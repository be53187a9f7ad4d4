"""``slp`` and ``python -m slp_cli``: Ctrl-C is one line while all is still imported, too."""

from __future__ import annotations

import sys


def main() -> None:
    """Import the command and run it."""
    try:
        from slp_cli.main import main as command

        command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
