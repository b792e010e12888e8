"""Ports to listen on."""

import socket


def unused_port(host="127.0.0.1", wanted=0):
    """The one that is wanted, where nobody else has it."""
    try:
        listener = socket.create_server((host, wanted))
    except OSError:
        listener = socket.create_server((host, 0))
    with listener:
        return listener.getsockname()[1]
