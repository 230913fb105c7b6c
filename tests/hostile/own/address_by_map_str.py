# attacks: the address of an object, by `str` as a value: in map, as a key, by another name
# expect: error
# says: ValueError: \[.<function transform>
def transform(request, context):
    kind = str
    raise ValueError(f"{[*map(str, [transform, request, print]), kind(transform), sorted([transform], key=str)]}")
