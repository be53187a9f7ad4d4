"""The ``slp`` command: thin, one file per command."""
