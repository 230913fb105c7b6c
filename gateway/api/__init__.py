"""API: the eight actions over HTTP, and reading back. The same store and the same events as the webhooks'."""
