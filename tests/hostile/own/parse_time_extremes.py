# attacks: texts that are no times, formats that are no formats, zones that are paths
# expect: ok
# says: "odd":\[\]
from gateway.toolbox import format_time, parse_time

VALUES = [
    "",
    "0" * 100,
    "99999999999999999999",
    "-1",
    "9" * 19,
    "0000-00-00",
    "\ud800",
    "Mon, 99 Abc 0000 99:99:99 +9999",
]
VALUES += [
    10**400,
    -(10**25),
    float("nan"),
    float("inf"),
    1e308,
    True,
    None,
    [],
    "\x00",
    "2024-01-01T00:00:00+99:99",
    "12",
]
FORMATS = ["%", "%Q", "%Y" * 20, "%z%z", "%%%", "\\", "(", "[", "*", "%Y\x00", "%s", "%c%x%X"]
ZONES = ["../../etc/passwd", "/etc/localtime", "", "+99:99", "UTC\x00", "posixrules", "localtime", "Europe/Vienna/.."]


def transform(request, context):
    odd = []
    calls = [(value, "UTC", None) for value in VALUES]
    calls += [("2024", "UTC", form) for form in FORMATS]
    calls += [("2024-01-01T00:00:00", zone, None) for zone in ZONES]
    for value, zone, form in calls:
        try:
            parse_time(value, zone=zone, format=form)
        except (ValueError, TypeError):
            continue
        except Exception as error:
            odd.append(f"{value!r} {zone!r} {form!r}: {error}")
    for form in FORMATS:
        try:
            format_time(request.received_at, format=form)
        except (ValueError, TypeError):
            continue
    return [{"odd": odd}]
