"""``cellwright serve``: the web page and REST API, for who does not use a terminal."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cellwright.cli.console import say
from cellwright.cli.options import Runtime, Threads
from cellwright.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from cellwright.service.settings import ServiceSettings

EXAMPLES = """Examples:

cellwright serve

cellwright serve --create-token "Ada" --data /srv/cells

cellwright serve --host 0.0.0.0 --data /srv/cells --model runs/mine/mine.cellwright"""

SECONDS_OF_BURST = 10
"""Requests that may come at once, in seconds of what may come steadily."""

NEEDED = {
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "sqlalchemy": "sqlalchemy",
    "alembic": "alembic",
    "multipart": "python-multipart",
    "argon2": "argon2-cffi",
    "prometheus_client": "prometheus-client",
}


Host: TypeAlias = Annotated[
    str, typer.Option(help="Address to answer at; all but this machine's own need tokens.")
]
Port: TypeAlias = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")]
DataFolder: TypeAlias = Annotated[
    Path, typer.Option("--data", "-d", metavar="DIR", help="Keeps images and results.")
]
Database: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="CELLWRIGHT_DATABASE",
        help="SQLAlchemy URL instead of a SQLite file in DIR.",
    ),
]
OwnModels: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--model", "-m", metavar="BUNDLE", help="Serve it too; repeat for more."),
]
NewToken: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Make a token for somebody, print it once, and stop."),
]
OldToken: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Take somebody's token away, and stop."),
]
LargestFile: TypeAlias = Annotated[int, typer.Option(min=1, help="Largest image file, in MiB.")]
MostImages: TypeAlias = Annotated[int, typer.Option(min=1, help="Most images in one job.")]
MostRequests: TypeAlias = Annotated[
    float, typer.Option(min=0.1, help="Most requests a second of one token or address.")
]


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8642,
    data: DataFolder = Path("cellwright-service"),
    database: Database = "",
    models: OwnModels = None,
    create_token: NewToken = None,
    revoke_token: OldToken = None,
    max_file_mib: LargestFile = 256,
    max_images: MostImages = 500,
    max_requests: MostRequests = 100,
    runtime: Runtime = "auto",
    threads: Threads = None,
) -> None:
    """Serve the page and the API: drop images, see the cells, correct them, download tables.

    Jobs survive: one that was running when the process ended goes on at the next start.
    """
    for module, package in NEEDED.items():
        if find_spec(module) is None:
            raise MissingExtraError(package, "serve")
    from cellwright.service.settings import Limits, ServiceSettings, is_loopback

    settings = ServiceSettings(
        folder=data,
        database=database,
        bundles=tuple(models or ()),
        closed=not is_loopback(host),
        runtime=runtime,
        threads=threads,
        limits=Limits(
            file_bytes=max_file_mib << 20,
            images=max_images,
            per_second=max_requests,
            burst=max(1, round(SECONDS_OF_BURST * max_requests)),
        ),
    )
    if create_token is not None:
        _create_token(settings.database_url, create_token)
        return
    if revoke_token is not None:
        _revoke_token(settings.database_url, revoke_token)
        return
    _answer(settings, host, port)


def _answer(settings: ServiceSettings, host: str, port: int) -> None:
    """Run the service until it is interrupted.

    Raises:
        ConfigError: others could use it without a token, or the address is taken.
    """
    import uvicorn

    from cellwright.service.app import create_app

    app = create_app(settings)
    if settings.closed and not app.state.parts.access.count_tokens():
        raise ConfigError(
            "others can reach this address, and nobody has a token yet",
            where=host,
            remedy="make one first: cellwright serve --create-token NAME with the same --data",
        )
    with _listening(host, port) as listener:
        place = listener.getsockname()
        shown = f"[{place[0]}]" if ":" in place[0] else place[0]
        say(f"open http://{shown}:{place[1]} in a browser; Ctrl-C ends the service")
        config = uvicorn.Config(app, log_level="warning", server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def _create_token(database_url: str, name: str) -> None:
    from cellwright.service.access import Access
    from cellwright.service.store import Store

    token = Access(Store(database_url)).create_token(name)
    say("keep it now: only its hash is stored")
    typer.echo(token)


def _revoke_token(database_url: str, name: str) -> None:
    from cellwright.service.access import LOOK_AGAIN_S, Access
    from cellwright.service.store import Store

    Access(Store(database_url)).revoke_token(name)
    say(f"{name} is refused from now on; by a service that runs, within {LOOK_AGAIN_S:.0f} s")


def _listening(host: str, port: int) -> socket.socket:
    """A socket on the address, so that a taken port is said before anything starts."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"cannot listen there ({error.strerror or error})",
            where=f"{host}:{port}",
            remedy="choose another --port or --host",
        ) from error
