"""Console: the pages for people, in the foreground, for machines where `up` is not what starts things."""

from importlib import import_module


def console() -> None:
    """Serve the console: pages to write scripts, watch the queue, repair what failed. Stops on Ctrl-C or SIGTERM.

    Listens on HOOKWRIGHT_CONSOLE_HOST and HOOKWRIGHT_CONSOLE_PORT; needs Redis and a migrated database.
    """
    from gateway.config import load_settings

    settings = load_settings()  # a bad setting is said before anything heavy is imported
    # By name: the console stands above the gateway, which imports nothing of it.
    import_module("console.serve").serve_console(settings)
