# attacks: the address of a function in the words of an error of Python's
# expect: error
# says: ValueError: <function transform> is not in list|is not in list
def transform(request, context):
    try:
        [].index(transform)
    except ValueError as error:
        print(error.args, error)
        raise
