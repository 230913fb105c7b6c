"""What the CLI prints: data alone on standard output, and nothing of it cut short."""

import json

from gateway.cli.output import note, progress, show_fields, show_json, show_rows, warn


def test_off_a_terminal_a_row_is_one_line_however_long_and_has_no_colour(capsys):
    long = "x" * 500
    show_rows([{"id": "evt_1", "status": "failed", "reason": long}], ["id", "status", "reason"], empty="")
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "status", "reason"]
    assert row.split() == ["evt_1", "failed", long]


def test_no_rows_are_said_beside_the_data(capsys):
    show_rows([], ["id"], empty="there are no [such] events")
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == "there are no [such] events\n"


def test_nothing_known_is_a_dash_and_nothing_is_read_as_markup(capsys):
    show_fields({"live_version": None, "secrets": [], "is_live": True, "reason": "[bold]no[/bold] [/x]"})
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["live", "version", "–"]
    assert lines[1] == ["secrets", "–"]
    assert lines[2] == ["is", "live", "yes"]
    assert lines[3] == ["reason", "[bold]no[/bold]", "[/x]"]


def test_json_is_as_it_is(capsys):
    value = {"reason": "[red]é[/]", "rows": [1, None]}
    show_json(value)
    assert json.loads(capsys.readouterr().out) == value


def test_notes_warnings_and_progress_stay_off_standard_output(capsys):
    note("a note")
    warn("[x] is odd")
    with progress("working", 3) as bar:
        bar.reach(3)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == "a note\nwarning: [x] is odd\n"


def test_a_senders_text_is_nothing_for_a_terminal_to_obey(capsys):
    evil = "\x1b]52;c;cm0=\x07 \x1b[2J \x9b31m\rgone"
    show_rows([{"reason": evil}], ["reason"], empty="")
    show_fields({"reason": evil, "list": [evil], "document": {"a": {"b": evil}}, "trace": "one\n\ttwo"})
    written = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in written)
    assert written.count("cm0=") == 4
    assert "two" in written
