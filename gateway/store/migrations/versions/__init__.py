"""One module a step; never changed once it is released."""
