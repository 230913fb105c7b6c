"""Processes: one process in the foreground, for machines where `up` is not what starts things."""

import typer


def gateway() -> None:
    """Serve the gateway: receive webhooks, run scripts, queue actions. Stops on Ctrl-C or SIGTERM.

    Listens on HOOKWRIGHT_GATEWAY_HOST and HOOKWRIGHT_GATEWAY_PORT; needs Redis and a migrated database.
    """
    from gateway.config import load_settings

    settings = load_settings()  # a bad setting is said before anything heavy is imported
    from gateway.serve.gateway import serve_gateway

    serve_gateway(settings)


def worker() -> None:
    """Work off the queue: apply queued actions to the database. Stops on Ctrl-C or SIGTERM, after its batch."""
    from gateway.config import load_settings

    settings = load_settings()  # a bad setting is said before anything heavy is imported
    from gateway.serve.worker import serve_worker

    serve_worker(settings)


def migrate() -> None:
    """Bring the database up to this version's tables. Running it twice does nothing; `up` does it by itself."""
    from gateway.cli.session import settings_of_shell
    from gateway.store.migrate import migrate as migrate_database

    settings = settings_of_shell()
    if not settings.database_url:
        from gateway.supervise.folder import prepare_folder

        prepare_folder(settings.data_dir)
    applied = migrate_database(settings.effective_database_url)
    for revision in applied:
        typer.echo(f"applied {revision}")
    if not applied:
        typer.echo("the database is up to date")
