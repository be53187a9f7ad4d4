"""From the width and rate of a stream to those of what comes next."""
