"""What stands beside kubecliff on a node and is not tested: a DNS server, clients, metrics."""

import contextlib
import http.server
import socket
import threading

from figures import scrape


def restores_of(port):
    """Runs of iptables-restore and their bounds, no more, of the kubecliff at that port here."""
    lines = []
    for name, samples in scrape(None, port).by_name.items():
        for labels, value in samples.items():
            bound = name == "kubecliff_threshold" and dict(labels)["check"].startswith("restore_")
            if bound or name.startswith(("kubecliff_restore_", "kubecliff_xtables_")):
                text = ",".join(f'{label}="{content}"' for label, content in labels)
                lines.append(f"{name}{{{text}}} {value}")
    return "\n".join(lines) + "\n"


class Server:
    """Answers where it is made: GET by pages, which are functions by path, and POST by taking it."""

    def __init__(self, port, pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path)
                body = page().encode() if page else b""
                self.send_response(200 if page else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)

    def serve(self):
        self._server.serve_forever()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Dns(threading.Thread):
    """Says of every name that it is there, without an address."""

    def __init__(self, namespace):
        super().__init__(daemon=True)
        with namespace.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    def run(self):
        while True:
            question, client = self._socket.recvfrom(512)
            # A response, without an error; the question comes back with it.
            answer = question[:2] + b"\x81\x80" + question[4:6] + bytes(6) + question[12:]
            self._socket.sendto(answer, client)


class Clients(threading.Thread):
    """Open connections: datagrams from ever new ports."""

    def __init__(self, namespace, pause=0.01):
        super().__init__(daemon=True)
        self._namespace = namespace
        self._pause = pause
        self._ended = threading.Event()

    def run(self):
        with self._namespace.entered():
            while not self._ended.wait(self._pause):
                # Rules refuse some.
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    with contextlib.suppress(OSError):
                        client.sendto(b"?", ("127.0.0.1", 9))

    def stop(self):
        self._ended.set()
        self.join()
