"""Passwords, fixed tokens and JWTs: exactly the right one, and no way round the algorithm."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from script_requests import NOON, build_request, make_jwt, part

from gateway import toolbox

NOW = int(NOON.timestamp())


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_basic_takes_the_user_and_any_of_the_passwords() -> None:
    request = build_request(headers=basic("jo", "pa:ss"))
    assert toolbox.verify_basic(request, "jo", "pa:ss") is True
    assert toolbox.verify_basic(request, "jo", ["new", "pa:ss"]) is True
    assert toolbox.verify_basic(request, "jo", "other") is False
    assert toolbox.verify_basic(request, "joe", "pa:ss") is False


@pytest.mark.parametrize("sent", ["", "Basic", "Basic !!!", "Bearer am86cGFzcw==", "Basic am8=", "basic \udcff"])
def test_basic_refuses_junk_and_raises_nothing(sent: str) -> None:
    assert toolbox.verify_basic(build_request(headers={"Authorization": sent}), "jo", "pass") is False


def test_bearer_takes_the_token_alone() -> None:
    assert toolbox.verify_bearer(build_request(headers={"Authorization": "bearer  t0ken "}), "t0ken") is True
    assert toolbox.verify_bearer(build_request(headers={"Authorization": "Bearer t0ken2"}), "t0ken") is False
    assert toolbox.verify_bearer(build_request(headers={"Authorization": "Basic t0ken"}), "t0ken") is False
    assert toolbox.verify_bearer(build_request(), "t0ken") is False
    twice = build_request(headers=[("Authorization", "Bearer x"), ("Authorization", "Bearer t0ken")])
    assert toolbox.verify_bearer(twice, "t0ken") is False
    with pytest.raises(ValueError, match="secret is empty"):
        toolbox.verify_bearer(build_request(headers={"Authorization": "Bearer "}), "")


def test_a_token_is_taken_from_one_header_or_one_field_of_the_query() -> None:
    request = build_request(headers={"X-Token": "abc"}, url="https://h.example/in/s?key=def&twice=1&twice=2")
    assert toolbox.verify_token(request, header="X-Token", secret="abc") is True
    assert toolbox.verify_token(request, query="key", secret=["old", "def"]) is True
    assert toolbox.verify_token(request, query="key", secret="abc") is False
    assert toolbox.verify_token(request, query="twice", secret="1") is False
    with pytest.raises(ValueError, match="one of the two"):
        toolbox.verify_token(request, secret="abc")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_jwt_under_the_shared_secret_gives_its_claims(algorithm: str) -> None:
    token = make_jwt({"sub": "7", "exp": NOW + 1, "nbf": NOW}, "secret", algorithm)
    assert toolbox.verify_jwt(token, ["old", "secret"], ["HS256", algorithm], at=NOON)["sub"] == "7"


@pytest.mark.parametrize(
    ("claims", "options", "reason"),
    [
        ({"exp": NOW}, {}, "expired"),
        ({"nbf": NOW + 1}, {}, "not valid yet"),
        ({"exp": "never"}, {}, "exp is not a number"),
        ({"exp": True}, {}, "exp is not a number"),
        ({"iss": "them"}, {"issuer": "us"}, "another issuer"),
        ({}, {"issuer": "us"}, "another issuer"),
        ({"aud": ["a", "b"]}, {"audience": "c"}, "another audience"),
        ({}, {"audience": "c"}, "another audience"),
    ],
)
def test_a_jwt_whose_claims_do_not_hold_is_refused(
    claims: dict[str, Any], options: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        toolbox.verify_jwt(make_jwt(claims, "secret"), "secret", ["HS256"], at=NOON, **options)


def test_an_audience_in_a_list_counts() -> None:
    token = make_jwt({"aud": ["a", "b"]}, "secret")
    assert toolbox.verify_jwt(token, "secret", ["HS256"], audience="b", at=NOON) == {"aud": ["a", "b"]}


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", f"{part([])}.{part({})}.", "é.é.é", f"{part({'alg': []})}.{part({})}."]
)
def test_what_is_no_jwt_is_a_value_error(token: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        toolbox.verify_jwt(token, "secret", ["HS256"], at=NOON)


def test_the_algorithm_none_is_never_taken() -> None:
    token = f"{part({'alg': 'none'})}.{part({'sub': '7'})}."
    with pytest.raises(ValueError, match="not one of those expected"):
        toolbox.verify_jwt(token, "secret", ["HS256"], at=NOON)
    with pytest.raises(ValueError, match="algorithms must be of one family"):
        toolbox.verify_jwt(token, "secret", ["none"], at=NOON)


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def test_a_public_key_never_passes_as_a_shared_secret() -> None:
    public = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    forged = make_jwt({"sub": "admin"}, public)
    with pytest.raises(ValueError, match="not one of those expected"):
        toolbox.verify_jwt(forged, public, ["RS256"], at=NOON)
    with pytest.raises(ValueError, match="one family"):
        toolbox.verify_jwt(forged, public, ["RS256", "HS256"], at=NOON)
    with pytest.raises(ValueError, match="public key cannot be the secret"):
        toolbox.verify_jwt(forged, public, ["HS256"], at=NOON)


def signed(head: dict[str, Any], sign: Any) -> str:
    message = f"{part(head)}.{part({'sub': '7'})}"
    return f"{message}.{base64.urlsafe_b64encode(sign(message.encode())).rstrip(b'=').decode()}"


def test_jwts_under_public_keys_are_checked_by_family() -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    ed_key = ed25519.Ed25519PrivateKey.generate()
    sha = hashes.SHA256()
    pss = padding.PSS(padding.MGF1(sha), 32)

    def raw_ec(message: bytes) -> bytes:
        r, s = decode_dss_signature(ec_key.sign(message, ec.ECDSA(sha)))
        return r.to_bytes(32) + s.to_bytes(32)

    cases = {
        "RS256": (signed({"alg": "RS256"}, lambda m: rsa_key.sign(m, padding.PKCS1v15(), sha)), pem(rsa_key)),
        "PS256": (signed({"alg": "PS256"}, lambda m: rsa_key.sign(m, pss, sha)), pem(rsa_key)),
        "ES256": (signed({"alg": "ES256"}, raw_ec), pem(ec_key)),
        "EdDSA": (signed({"alg": "EdDSA"}, ed_key.sign), pem(ed_key)),
    }
    for algorithm, (token, key) in cases.items():
        assert toolbox.verify_jwt(token, key, [algorithm], at=NOON) == {"sub": "7"}
        with pytest.raises(ValueError, match=r"signature is wrong|not base64"):
            toolbox.verify_jwt(token[:-8] + "AAAAAAAA", key, [algorithm], at=NOON)
    with pytest.raises(ValueError, match="not an RSA key"):
        toolbox.verify_jwt(cases["RS256"][0], pem(ec_key), ["RS256"], at=NOON)


def test_a_jwt_on_another_curve_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    token = signed({"alg": "ES256"}, lambda m: b"\x01" * 96)
    with pytest.raises(ValueError, match="signature is wrong"):
        toolbox.verify_jwt(token, pem(key), ["ES256"], at=NOON)


def test_a_jwt_with_an_unknown_extension_is_refused() -> None:
    with pytest.raises(ValueError, match="extension"):
        toolbox.verify_jwt(make_jwt({}, "secret", crit=["b64"]), "secret", ["HS256"], at=NOON + timedelta(0))
