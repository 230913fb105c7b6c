# attacks: entities, outside addresses, DTDs, depth, a flood of attributes and of elements, odd encodings
# expect: ok
# says: "odd":\[\],"refused":9
from gateway.toolbox import parse_xml

LOL = '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;">]><a>&m;</a>'
FILE = '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'
OUTSIDE = '<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>'
DOCUMENTS = [LOL, FILE, OUTSIDE, "<a>" * 101 + "</a>" * 101]
DOCUMENTS += ["<a>&undefined;</a>", "<a", "", b'<?xml version="1.0" encoding="punycode"?><a/>', b"\xff\xfe<\x00"]


def transform(request, context):
    refused, odd = 0, []
    for document in DOCUMENTS:
        try:
            odd.append(str(parse_xml(document))[:50])
        except ValueError:
            refused += 1
    return [{"odd": odd, "refused": refused}]
