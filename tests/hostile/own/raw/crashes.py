# attacks: its own process, by reading where nothing is
# expect: killed
# says: the sandbox crashed \(SIGSEGV\)
import ctypes


def transform(request, context):
    ctypes.string_at(0)
