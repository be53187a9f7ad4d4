"""Pictures through a ResNet, one by one."""
