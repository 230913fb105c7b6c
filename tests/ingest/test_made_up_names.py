"""A stranger makes up the name of a source: a terminal that shows the log obeys nothing in it."""

import pytest

from gateway.logs import RequestLog


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_made_up_name_is_one_harmless_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = RequestLog("info", form, "gateway")
    lines.write("request", status=404, source="\x1b[2J\x1b]52;c;cm0=\x07\nrequest  200  shop", reason="no source “ä”")
    lines.flush()
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written.removesuffix("\n").isprintable()
    assert "“ä”" in written
