"""Shows the chain of chain.py until it is interrupted. scripts/demo calls this."""

import argparse
import pathlib
import signal
import threading

import progress
import settings
from chain import CONNECTIONS, Chain
from progress import say

SERVICES = 5000
# A tenth of make_ruleset's Services have no endpoints, and are not counted.
WITHOUT_ENDPOINTS = 1.2


def tell(receiver, body):
    """What a receiver was told, as it comes."""
    if receiver == "PagerDuty":
        payload = body["payload"]
        say(f"PagerDuty  {body['event_action']:8} {payload['severity']:9} {payload['summary']}"
            f"  (dedup key {body['dedup_key'][:8]}…)")
    else:
        for piece in body["attachments"]:
            say(f"Slack      {body['channel']}: {piece['title']}")


def wait_for_enter():
    """Without a terminal nobody will press it."""
    try:
        input()
    except EOFError:
        threading.Event().wait()


def show(chain):
    chain.start(int(SERVICES * WITHOUT_ENDPOINTS))
    chain.fill_connections()
    node = f"http://{chain.instance}"
    print(f"""
kubecliff      {node}
Prometheus     http://{chain.prometheus_address}/alerts
Alertmanager   http://{chain.alertmanager.address}
PagerDuty      {chain.receivers.address}   a stand-in: the events that came

The node has more than {SERVICES} Services in iptables, and {CONNECTIONS} connections, which is near
to full by the bounds that it was given. In Prometheus both go from pending to firing. kubecliff
says the same to Alertmanager, which shows each alert once; PagerDuty is called once for each, and
told of the end.

What to try:
  curl -s {node}/metrics | grep -e conntrack_entries -e iptables_services -e alert_active
  ip netns exec {chain.namespace.name} conntrack --count
  kill {chain.prometheus.pid}      Prometheus is gone, and kubecliff goes on to tell what it finds
  Enter          ends the connections; the next one makes them again
  Ctrl-C         ends all of it

What receivers are told, as they are told:
""", flush=True)
    there = True
    while True:
        wait_for_enter()
        there = not there
        (chain.fill_connections if there else chain.end_connections)()
        say("connections made" if there else "connections ended")


def main():
    parser = argparse.ArgumentParser()
    for option in ("--prefix", "--state", "--logs", "--kubecliff", "--make-ruleset"):
        parser.add_argument(option, required=True)
    parser.add_argument("--started", type=int, required=True)
    arguments = parser.parse_args()
    settings.take(arguments)
    progress.started = arguments.started
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    chain = Chain(tell)
    try:
        show(chain)
    except KeyboardInterrupt:
        print()
    finally:
        chain.stop()
        say("gone: programs, network namespace, files")


if __name__ == "__main__":
    main()
