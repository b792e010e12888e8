"""In kube-proxy's place: a process of its name that says that it is in nftables mode."""

import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"nftables" if self.path == "/proxyMode" else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 10249), Handler).serve_forever()
