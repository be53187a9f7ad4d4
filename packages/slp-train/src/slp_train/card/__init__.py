"""``write_card(run)``: what a pipeline is, what it is worth and what it is not for, in the format
of the Hugging Face hub."""

from slp_train.card.facts import begin_facts
from slp_train.card.page import is_by_hand, missing_facts, render_card, write_card

__all__ = ["begin_facts", "is_by_hand", "missing_facts", "render_card", "write_card"]
