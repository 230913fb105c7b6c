# attacks: one element with more attributes than a document may have parts
# expect: error killed
# says: ValueError: XML of more than 100 levels or 200000 parts|limit: (cpu|memory|wall_clock)
from gateway.toolbox import parse_xml


def transform(request, context):
    parse_xml("<a " + " ".join([f'b{n}="1"' for n in range(201_000)]) + "/>")
