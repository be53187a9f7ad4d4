"""How the parts of this package are tried by the conformance kit, :mod:`slp_core.testing`."""
