"""Ready: is a program of this container up? For health checks: `python ready.py PORT/PATH`.

Takes a port and a path of this machine; ends with 0 where it is answered by 200, else with 1 and a line that says why.
Imports nothing of the product, so that it costs a few hundredths of a second.
"""

import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 3.0


def main(place: str) -> str | None:
    """Ask; give what is wrong, or None."""
    port, _, path = place.partition("/")
    connection = HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
    try:
        connection.request("GET", f"/{path}")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"{place} does not answer: {error}"
    finally:
        connection.close()
    return None if status == 200 else f"{place} answers {status}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
