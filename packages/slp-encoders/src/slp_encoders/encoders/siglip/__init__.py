"""Pictures through SigLIP, one by one."""
