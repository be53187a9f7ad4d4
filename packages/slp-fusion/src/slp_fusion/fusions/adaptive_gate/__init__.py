"""A gate between what the hands say and what the lips say."""
