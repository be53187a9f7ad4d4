"""The hands attend to the lips."""
