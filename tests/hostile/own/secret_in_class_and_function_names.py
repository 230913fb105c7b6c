# attacks: the name of a class as a place for a text of any length
# expect: error
# says: NameThatIsLong
def transform(request, context):
    raise NameThatIsLong("x" * 100_000)


class NameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLong(Exception):
    pass


NameThatIsLong = NameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLongNameThatIsLong
