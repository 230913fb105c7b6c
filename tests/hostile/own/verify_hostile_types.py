# attacks: signature checks that are given objects of the script's own, empty secrets and odd options
# expect: ok
# says: "opened":\[\]
from gateway.toolbox import (
    verify_basic,
    verify_bearer,
    verify_ed25519,
    verify_github,
    verify_hmac,
    verify_jwt,
    verify_shopify,
    verify_slack,
    verify_standard_webhooks,
    verify_stripe,
    verify_token,
    verify_twilio,
)


class Sly:
    def __eq__(self, other):
        return True

    def __contains__(self, other):
        return True


def transform(request, context):
    opened = []
    checks = [
        verify_github,
        verify_shopify,
        verify_slack,
        verify_stripe,
        verify_twilio,
        verify_bearer,
        verify_standard_webhooks,
    ]
    secrets = [
        "",
        " ",
        [],
        [""],
        ["a"] * 11,
        Sly(),
        [Sly()],
        None,
        b"key",
        True,
        {"a": 1},
        "x" * 10_001,
        "\ud800",
        ("a",),
    ]
    calls = [lambda check=check, secret=secret: check(request, secret) for check in checks for secret in secrets]
    calls += [
        lambda s=s: verify_hmac(request, header="x-topic", secret="k", encoding=s) for s in (Sly(), None, "HEX", "")
    ]
    calls += [lambda s=s: verify_hmac(request, header=s, secret="k") for s in (Sly(), None, 1, "")]
    calls += [lambda s=s: verify_token(request, header="x-topic", secret=s) for s in (Sly(), [], "")]
    calls += [lambda s=s: verify_basic(request, s, s) for s in (Sly(), None, "")]
    calls += [
        lambda s=s: verify_ed25519(request, public_key=s, header="x-topic") for s in (Sly(), "", "00" * 32, "A" * 44)
    ]
    calls += [
        lambda s=s: verify_jwt("a.b.c", "k", s, at=request.received_at)
        for s in (["none"], [], ["HS256", "RS256"], Sly())
    ]
    for number, call in enumerate(calls):
        try:
            if call():
                opened.append(number)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return [{"opened": opened}]
