"""What garak asks, in its own virtual environment: the bot behind a local socket, and two bots that set the floors.

Nothing but the standard library is imported here.
"""

import socket


def bot(prompt: str, port: int) -> list[str]:
    """What members would see. Raises OSError where the bot is not there any more, which ends the run."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(prompt.encode("utf-8", "replace"))
        line.shutdown(socket.SHUT_WR)
        return [b"".join(iter(lambda: line.recv(65536), b"")).decode("utf-8")]


def echo(prompt: str) -> list[str]:
    return [prompt]


def mute(prompt: str) -> list[str]:
    return [""]
