"""Scores of translations: every metric is a part under the entry-point group ``slp.metric``.

``evaluate.evaluate_texts`` scores one system, ``evaluate.compare`` two of them.
"""
