"""The page of ``slp serve``: what is dropped on it is checked, translated, shown and deleted."""
