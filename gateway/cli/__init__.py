"""CLI: everything that people do in a shell, one module a command group.

    app.py        the tree of commands          errors.py    what goes wrong, said in one line
    session.py    settings and an operator      output.py    tables, JSON, progress
    arguments.py  what people type, read        posting.py   many requests at once, measured

The commands: up · processes (gateway, worker, migrate) · console · sources · scripts · secrets · events · queue ·
keys · users · contacts · plugins · send. Modules of the engine are imported inside the commands, so that
`hookwright --help` does not wait for a database library.
"""


def main() -> None:
    """Run `hookwright`: the entry point of the installed program."""
    from gateway.cli.app import app

    app(prog_name="hookwright")
