"""Serve: the programs. Each is put together here, once, from the rooms below, and run until it is told to stop."""
