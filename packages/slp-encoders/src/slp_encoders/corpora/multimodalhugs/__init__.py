"""Tables written for MultimodalHugs."""
