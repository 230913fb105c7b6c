"""The gateway with its fence switched off, as if its next hole had been found: scripts are plain Python.

`python unfenced_gateway.py` is `hookwright gateway` in all else. Only the wall is left.
"""

from functools import partial

from gateway.config import load_settings
from gateway.sandbox.pool import Pool
from gateway.serve import gateway

if __name__ == "__main__":
    gateway.Pool = partial(Pool, is_fenced=False)
    gateway.serve_gateway(load_settings())
