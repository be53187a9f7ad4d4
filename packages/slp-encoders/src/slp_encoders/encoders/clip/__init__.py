"""Pictures through CLIP, one by one."""
