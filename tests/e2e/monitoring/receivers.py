"""PagerDuty and Slack, as far as Alertmanager can tell."""

import http.server
import json
import threading

KEY = "0123456789abcdef0123456789abcdef"


class Receivers:
    """Takes what they would take, remembers it, and hands it to `tell`. GET shows PagerDuty's."""

    def __init__(self, host="127.0.0.1", port=0, tell=lambda receiver, body: None):
        self.events, self.messages, self.refused = [], [], []
        self._tell = tell
        received = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(200, json.dumps(received.events, indent=2).encode())

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = received.take(self.path, body)
                is_event = self.path == "/pagerduty"
                self._answer(status, b'{"status":"success"}' if is_event else b"ok")

            def _answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((host, port), Handler)
        self.address = f"http://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path, body):
        if path == "/slack":
            self.messages.append(body)
            self._tell("Slack", body)
            return 200
        if not self.is_event(body):
            self.refused.append(body)
            return 400
        self.events.append(body)
        self._tell("PagerDuty", body)
        return 202

    @staticmethod
    def is_event(body):
        """What the Events API v2 accepts."""
        payload = body.get("payload") or {}
        return (body.get("routing_key") == KEY
                and body.get("event_action") in ("trigger", "acknowledge", "resolve")
                and 0 < len(body.get("dedup_key", "")) <= 255
                and 0 < len(payload.get("summary", "")) <= 1024
                and payload.get("source", "").strip() != ""
                and payload.get("severity") in ("critical", "error", "warning", "info")
                and all(link.get("href", "").startswith("http") for link in body.get("links") or [])
                and len(json.dumps(body)) <= 512 * 1024)

    def messages_on(self, alert):
        return [piece["title"] for message in self.messages for piece in message["attachments"]
                if alert in piece["title"]]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
