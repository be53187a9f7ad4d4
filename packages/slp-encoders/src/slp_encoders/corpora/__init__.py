"""Importers: published corpora into manifests."""
