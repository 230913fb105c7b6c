"""Tokens: senders that show a password, a fixed token or a JWT rather than signing the body.

Takes a request (or the token) and what it must be; gives True or False, and for a JWT its claims. What is not signed
over the body proves who sent it, not that nobody changed it: HTTPS has to do that.
"""

from datetime import datetime
from typing import Any

from gateway.toolbox.exact import exact, exact_text
from gateway.toolbox.request import Request
from gateway.toolbox.signatures.hmacs import Secret, constant_time_equals, equals_any, list_secrets, read_keys
from gateway.toolbox.signatures.public_keys import is_ecdsa, is_ed25519, is_rsa, load_public_key
from gateway.toolbox.values.documents import read_json
from gateway.toolbox.values.encodings import decode_base64, decode_base64url, hmac_bytes

_TOKEN_CHARACTERS_MAX = 16_384
# RFC 7518 section 3.1 and RFC 8037; "none" is not among them.
_FAMILIES = {
    "HS256": ("HS", "sha256"),
    "HS384": ("HS", "sha384"),
    "HS512": ("HS", "sha512"),
    "RS256": ("RS", "sha256"),
    "RS384": ("RS", "sha384"),
    "RS512": ("RS", "sha512"),
    "PS256": ("PS", "sha256"),
    "PS384": ("PS", "sha384"),
    "PS512": ("PS", "sha512"),
    "ES256": ("ES", "sha256"),
    "ES384": ("ES", "sha384"),
    "ES512": ("ES", "sha512"),
    "EdDSA": ("EdDSA", ""),
}
_CURVES = {"ES256": 256, "ES384": 384, "ES512": 521}


def verify_basic(request: Request, username: str, password: Secret) -> bool:
    """Does the request carry this user and password (Basic, RFC 7617)? `password` may be a list while it is rotated.

    Example: `verify_basic(request, context.settings["user"], context.secrets["password"])`.
    """
    passwords = read_keys(password)
    credentials = _authorization(request, "basic")
    if credentials is None:
        return False
    try:
        user, _, sent = decode_base64(credentials).partition(b":")
    except ValueError:
        return False
    is_user = constant_time_equals(user, exact_text(username, "username").encode())
    return equals_any(sent, passwords) and is_user


def verify_bearer(request: Request, token: Secret) -> bool:
    """Does `Authorization: Bearer …` (RFC 6750) carry this token?

    Example: `verify_bearer(request, context.secrets["token"])`.
    """
    return _is_one_of(_authorization(request, "bearer"), token)


def verify_token(request: Request, *, header: str | None = None, query: str | None = None, secret: Secret) -> bool:
    """Does a header, or a field of the query, hold exactly this token?

    Name one of `header` and `query`. For senders that sign nothing: prefer any signature where there is one.
    Example: `verify_token(request, header="X-Gitlab-Token", secret=context.secrets["token"])`.
    """
    if (header is None) == (query is None):
        raise ValueError("name a header or a field of the query: one of the two")
    sent = request.headers.get_all(header) if header is not None else request.query.get_all(str(query))
    return _is_one_of(sent[0] if len(sent) == 1 else None, secret)


def verify_jwt(
    token: str,
    key: Secret,
    algorithms: list[str],
    audience: str | None = None,
    issuer: str | None = None,
    *,
    at: datetime,
) -> dict[str, Any]:
    """Check a JWT (RFC 7519), give its claims.

    `key`: the shared secret (HS…), or a public key or certificate as PEM (RS…, PS…, ES…, EdDSA). `algorithms`:
    those that you expect, all of one family. `at=request.received_at` is the clock for exp and nbf, with no leeway.
    `audience` and `issuer` must be there where they are named. ValueError says what is wrong with the token.
    Example: `verify_jwt(request.headers["X-Token"], context.secrets["signing_secret"], ["HS256"],
    at=request.received_at)["sub"]`.
    """
    family = _family(algorithms)
    keys = list_secrets(key)
    head, claims, message, signature = _split_jwt(exact_text(token, "token", _TOKEN_CHARACTERS_MAX))
    algorithm = head.get("alg")
    if type(algorithm) is not str or algorithm not in algorithms:
        raise ValueError("the token's algorithm is not one of those expected")
    if "crit" in head:
        raise ValueError("the token asks for an extension that is not known here")
    checks = [_is_jwt_signed(family, algorithm, one, message, signature) for one in keys]
    if not any(checks):
        raise ValueError("the token's signature is wrong")
    _check_claims(claims, audience, issuer, exact(at, datetime, "at").timestamp())
    return claims


def _authorization(request: Request, scheme: str) -> str | None:
    sent = request.headers.get_all("authorization")
    name, _, credentials = sent[0].strip().partition(" ") if len(sent) == 1 else ("", "", "")
    return credentials.strip() if name.lower() == scheme else None


def _is_one_of(sent: str | None, secret: Secret) -> bool:
    keys = read_keys(secret)
    return sent is not None and equals_any(sent, keys)


def _family(algorithms: list[str]) -> str:
    """One key is for one family: a public key must never pass as the secret of an HMAC."""
    unknown = [name for name in exact(algorithms, list, "algorithms") if name not in _FAMILIES]
    families = {_FAMILIES[name][0] for name in algorithms if name in _FAMILIES}
    if unknown or len(families) != 1:
        raise ValueError(f"algorithms must be of one family, out of {', '.join(_FAMILIES)}")
    return families.pop()


def _split_jwt(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = token.strip().split(".")
    if len(parts) != 3 or not token.isascii():
        raise ValueError("the token is not a JWT")
    head = read_json(decode_base64url(parts[0]), "the token's head")
    claims = read_json(decode_base64url(parts[1]), "the token's claims")
    if type(head) is not dict or type(claims) is not dict:
        raise ValueError("the token is not a JWT")
    return head, claims, f"{parts[0]}.{parts[1]}".encode(), decode_base64url(parts[2])


def _is_jwt_signed(family: str, algorithm: str, key: str, message: bytes, signature: bytes) -> bool:
    digest = _FAMILIES[algorithm][1]
    if family == "HS":
        (secret,) = read_keys(key)
        if secret.lstrip().startswith(b"-----BEGIN"):
            raise ValueError("a public key cannot be the secret of an HMAC")
        return constant_time_equals(hmac_bytes(secret, message, digest), signature)
    public_key = load_public_key(key)
    if family == "EdDSA":
        return is_ed25519(public_key, signature, message)
    if family == "ES":
        is_curve = getattr(public_key, "key_size", 0) == _CURVES[algorithm]  # RFC 7518 3.4: one curve an algorithm
        return is_curve and is_ecdsa(public_key, signature, message, digest, is_raw=True)
    return is_rsa(public_key, signature, message, digest, is_pss=family == "PS")


def _check_claims(claims: dict[str, Any], audience: str | None, issuer: str | None, now: float) -> None:
    expires, starts = _number(claims, "exp"), _number(claims, "nbf")
    if expires is not None and now >= expires:
        raise ValueError("the token has expired")
    if starts is not None and now < starts:
        raise ValueError("the token is not valid yet")
    if issuer is not None and claims.get("iss") != exact_text(issuer, "issuer"):
        raise ValueError("the token is from another issuer")
    heard = claims.get("aud")
    if audience is not None and exact_text(audience, "audience") not in (heard if type(heard) is list else [heard]):
        raise ValueError("the token is for another audience")


def _number(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is not None and type(value) is not int and type(value) is not float:
        raise ValueError(f"the token's {name} is not a number")
    return value
