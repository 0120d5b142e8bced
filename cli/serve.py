"""``shelfwise serve``, ``token`` and ``key``: run the HTTP API and hand out what opens it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated

import typer

from cli.console import err, out
from state.errors import SettingsError
from state.http import ApiKey, Scope, is_loopback
from state.settings import load_settings

app = typer.Typer()
KEY_BYTES = 32


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: http.host of the settings.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, 0 for a free one.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="List shoppers to pick from.")] = False,
) -> None:
    """Serve pages, the hub and the API. Without keys in the settings it listens on this machine alone.

    Examples: shelfwise serve; shelfwise serve --host 0.0.0.0 --port 80 (needs keys: shelfwise key)
    """
    import uvicorn

    from serving.http.app import create_app
    from serving.http.site import Parts

    settings = load_settings()
    given = {"host": host, "port": port, "demo": demo or None}
    http = settings.http.model_copy(update={name: value for name, value in given.items() if value is not None})
    if http.open and not is_loopback(http.host):
        raise SettingsError(
            f"without keys anybody who reaches {http.host} could use the API. Make a key (shelfwise key) and put its "
            "lines into shelfwise.toml, or listen on 127.0.0.1."
        )
    config = uvicorn.Config(
        create_app(settings.model_copy(update={"http": http}), Parts(understand_early=True)),
        host=http.host,
        port=http.port,
        access_log=False,  # addresses hold shopper ids
        server_header=False,
        log_level="warning",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        limit_concurrency=http.max_connections,
    )
    if http.port:
        err.print(f"serving on http://{http.host}:{http.port} (hub: /, operator: /operator)", highlight=False)
    uvicorn.Server(config).run()


@app.command()
def token(
    shopper: Annotated[str, typer.Option(help="Shopper whose pages the token opens.")],
    hours: Annotated[float, typer.Option(min=0.01, help="How long it lives; 31 days at most.")] = 24.0,
    read_only: Annotated[bool, typer.Option("--read-only", help="No feedback and no regeneration with it.")] = False,
) -> None:
    """Print a token that reaches one shopper's pages and nothing else (needs http.token_secret).

    Example: curl -H "Authorization: Bearer $(shelfwise token --shopper 17)" http://127.0.0.1:8000/v1/pages/17
    """
    from serving.http.tokens import issue_token

    secret = load_settings().http.token_secret
    scopes: tuple[Scope, ...] = ("read",) if read_only else ("read", "write")
    typer.echo(issue_token(secret, shopper, timedelta(hours=hours), scopes))


@app.command()
def key(
    name: Annotated[str, typer.Option(help="What to call the key in settings and logs.")],
    scope: Annotated[list[str], typer.Option(help="read, write or admin; give it several times.")],
) -> None:
    """Make an API key. It is shown once; the settings get its hash, printed as lines for shelfwise.toml.

    Example: shelfwise key --name shop --scope read --scope write
    """
    made = f"swk_{secrets.token_urlsafe(KEY_BYTES)}"
    digest = hashlib.sha256(made.encode()).hexdigest()
    try:
        checked = ApiKey.model_validate({"name": name, "sha256": digest, "scopes": scope})
    except ValueError:
        raise typer.BadParameter("a name has letters, digits, dot and dash; scopes are read, write, admin") from None
    err.print("key, shown once:")
    typer.echo(made)
    scopes = ", ".join(f'"{each}"' for each in sorted(checked.scopes))
    out.print(
        f'\n[[http.keys]]\nname = "{name}"\nsha256 = "{digest}"\nscopes = [{scopes}]',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
