"""Short clips through a ResNet and convolutions over time."""
