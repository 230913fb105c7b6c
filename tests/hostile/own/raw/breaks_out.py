# attacks: the network
# expect: killed
# says: forbidden system call
import socket


def transform(request, context):
    socket.socket()
