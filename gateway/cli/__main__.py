"""`python -m gateway.cli`: the program under the interpreter at hand, as `up` starts its children."""

from gateway.cli import main

main()
