# attacks: texts that make a pattern of a library go back and forth
# expect: ok
# says: "n":1
from gateway.toolbox import normalize_email, normalize_phone, slugify


def transform(request, context):
    for text in ("+" + "1 " * 49, "(" * 99, "+43" + "-" * 97, "x" * 99 + "1", "٣" * 99, "\ud800" * 9, "1" * 1_000_000):
        normalize_phone(text, "AT")
        normalize_email(f"{text}@{text}")
    slugify("ﷺ" * 9_999)
    return [{"n": 1}]
