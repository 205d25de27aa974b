#!/usr/bin/env python3
"""The age of the oldest work as an external metric, for a cluster without Prometheus.

usage: external-metrics.py ADDRESS PORT CERTIFICATE KEY NAMESPACE SERVICE=PORT...

Every query for foothold_work_oldest_seconds with the label service=SERVICE asks each pod behind the headless name SERVICE.NAMESPACE for its metrics, at
the management PORT, and answers with the largest value. Behind an APIService (external-metrics.yaml) an autoscaler scales on it."""

import datetime
import http.server
import json
import re
import socket
import ssl
import sys
import urllib.parse
import urllib.request

GROUP = "external.metrics.k8s.io/v1beta1"
METRIC = "foothold_work_oldest_seconds"
SAMPLE = re.compile(rf'^{METRIC}{{.*?service="([^"]*)".*?}} (\S+)', re.MULTILINE)


def oldest(service, port, namespace):
    """The largest age in seconds over all pods of a service; None where none answers."""
    ages = []
    try:
        addresses = {i[4][0] for i in socket.getaddrinfo(f"{service}.{namespace}.svc.cluster.local", port, socket.AF_INET)}
    except OSError:
        return None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for address in addresses:
        try:
            with opener.open(f"http://{address}:{port}/q/metrics", timeout=3) as answer:
                text = answer.read().decode()
        except OSError:
            continue
        ages += [float(value) for name, value in SAMPLE.findall(text) if name == service]
    return max(ages, default=None)


def handler(namespace, ports):
    """Answers the API's two kinds of questions."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            parts = url.path.strip("/").split("/")
            body = None
            if parts == ["apis", *GROUP.split("/")]:
                resource = {"name": METRIC, "singularName": "", "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}
                body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": [resource]}
            elif parts[3:] == ["namespaces", namespace, METRIC]:
                labels = dict(pair.split("=", 1) for pair in urllib.parse.parse_qs(url.query).get("labelSelector", [""])[0].split(",") if "=" in pair)
                service = labels.get("service")
                age = oldest(service, ports[service], namespace) if service in ports else None
                now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
                items = [] if age is None else [{"metricName": METRIC, "metricLabels": labels, "timestamp": now, "value": f"{round(age * 1000)}m"}]
                body = {"kind": "ExternalMetricValueList", "apiVersion": GROUP, "metadata": {}, "items": items}
            data = json.dumps(body or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}).encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    return Handler


def main(address, port, certificate, key, namespace, *services):
    """Serves until it is ended."""
    ports = {name: int(value) for name, value in (s.split("=") for s in services)}
    server = http.server.ThreadingHTTPServer((address, int(port)), handler(namespace, ports))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
