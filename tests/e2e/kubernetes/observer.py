"""A client of the canary that is not kubecliff: when it hears of moves, and is routed."""

import json
import socket
import threading
import time

PAUSE = 0.004  # between two connections, beside what they take
WAIT = 0.9


class Observer(threading.Thread):
    """On a node: for each generation when it was told of, and the first connection to it."""

    def __init__(self, node, connection, token, path, address):
        super().__init__(daemon=True)
        self._node = node
        self._watch = threading.Thread(target=self._follow, args=(connection, token, path),
                                       daemon=True)
        self._address = address
        self._stopping = False
        self.told = {}
        self.routed = {}

    def run(self):
        with self._node.namespace.entered():
            while not self._stopping:
                began = time.monotonic()
                generation = self._ask()
                for known in list(self.told):
                    if generation is not None and known <= generation:
                        self.routed.setdefault(known, began)
                time.sleep(PAUSE)

    def _ask(self):
        try:
            with socket.create_connection((self._address, 80), timeout=WAIT) as connection:
                connection.settimeout(WAIT)
                return int(connection.recv(32))
        except (OSError, ValueError):
            return None

    def _follow(self, connection, token, path):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        while not self._stopping:
            line = response.readline()
            if not line:
                return
            now = time.monotonic()
            event = json.loads(line)
            annotations = event["object"]["metadata"].get("annotations", {})
            # The first event tells what there was before.
            if event["type"] == "MODIFIED" and "kubecliff.io/generation" in annotations:
                self.told.setdefault(int(annotations["kubecliff.io/generation"]), now)

    def __enter__(self):
        self._watch.start()
        self.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        self.join()

    def delays(self):
        return {generation: self.routed[generation] - told
                for generation, told in self.told.items() if generation in self.routed}
