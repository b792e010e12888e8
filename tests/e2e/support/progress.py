"""Lines that say what has been done, and when."""

import time

started = time.time()  # the script's, once it has told


def say(words):
    print(f"[{time.time() - started:4.0f} s] {words}", flush=True)
