"""Pasted: a request as a person writes it down in a form: method, what follows the source's URL, headers, body.

Takes the fields of `incoming/_pasted.html`, gives a TrialRequest. Never stores it.
"""

from console.visit import Visit
from gateway.operations.trial_requests import TrialRequest, paste_request, read_headers

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD")
BODY_CHARACTERS_MAX = 1_000_000
ADDRESS_CHARACTERS_MAX = 16_384


async def read_pasted(visit: Visit, source: str) -> TrialRequest:
    """Read the request, and sign it where that is asked for. Raises Refused with the fault at its field."""
    form = visit.form
    method = form.choice("method", METHODS) if form.text("method") else "POST"
    path, query = _read_address(visit)
    body = form.raw("body", characters_max=BODY_CHARACTERS_MAX).replace("\r\n", "\n")
    headers = form.text("headers", characters_max=20_000)
    form.settle()
    with form.about("headers"):
        pairs = read_headers(headers)
    is_signed = form.flag("is_signed")
    return await paste_request(
        visit.op, source, body=body.encode(), method=method, path=path, query=query, headers=pairs, is_signed=is_signed
    )


def _read_address(visit: Visit) -> tuple[str, str]:
    """Give path and query as they would stand in the first line of the request."""
    address = visit.form.text("address", characters_max=ADDRESS_CHARACTERS_MAX)
    if address and address[0] not in "/?":
        visit.form.faults["address"] = "begin with / or ?: it is what follows the source's URL"
    elif not address.isascii() or not address.isprintable() or set(address) & {" ", "#"}:
        visit.form.faults["address"] = "write blanks, # and letters beyond ASCII as %XX, as a sender does"
    path, _, query = address.partition("?")
    return path, query
