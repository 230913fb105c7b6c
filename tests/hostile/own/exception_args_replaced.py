# attacks: an exception whose args are no texts, an endless list, itself
# expect: error
# says: "stage":"transform","reason":"ValueError"
def transform(request, context):
    class Odd(ValueError):
        pass

    odd = Odd("x")
    endless = []
    endless.append(endless)
    odd.args = (endless, odd)
    raise ValueError(odd)
