"""Static files over HTTP, with or without TLS, as a behaviour of an origin's port: what wget, git and apt ask for."""

import os
import urllib.parse

import omnilink


def files(folder):
    """Serves the files of a folder; one request per connection."""

    def whole(connection):
        method, target, _ = omnilink.read_http_head(connection).decode().split("\r\n")[0].split(" ")
        path = os.path.join(folder, urllib.parse.unquote(target.split("?")[0]).lstrip("/"))
        found = os.path.isfile(path) and os.path.realpath(path).startswith(os.path.realpath(folder))
        body = b""
        if found:
            with open(path, "rb") as file:
                body = file.read()
        status = "200 OK" if found else "404 Not Found"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + (body if method == "GET" else b""))
        return target

    return whole
