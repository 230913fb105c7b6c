"""Ports: is the address free that a child is about to listen on?

Takes a host and a port, raises Conflict where somebody listens there already: said at once and by name,
instead of by a child that dies again and again.
"""

import errno
import socket

from gateway.errors import BadSetting, Conflict


def check_port(host: str, port: int, setting: str) -> None:
    """Bind and let go. `setting` is the name of the setting that chooses another port."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise BadSetting(f"{host} is not an address of this machine: {error.strerror}") from error
    with socket.socket(family, kind) as probe:
        # As the server does: an address whose last connections are still winding down counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise _explained(error, host, port, setting) from error


def _explained(error: OSError, host: str, port: int, setting: str) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return Conflict(f"port {port} on {host} is in use by another program: choose another by {setting}")
    return BadSetting(f"cannot listen on {host} port {port}: {error.strerror}; see {setting}")


def local_url(host: str, port: int) -> str:
    """Give the URL by which this machine reaches what listens on that host, also where it is every interface."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
