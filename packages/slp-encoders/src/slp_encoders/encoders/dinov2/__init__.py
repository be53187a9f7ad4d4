"""Pictures through DINOv2, one by one."""
