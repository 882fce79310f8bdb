"""Throw-away certificates for the hop with TLS: an authority, and what it vouches for."""

import subprocess

import network

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def make(folder):
    """authority.pem, hop.pem and key.pem in the folder."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", *KEY, "-keyout", "authority-key.pem", "-out", "authority.pem", "-subj", "/CN=bench", "-days", "2")
    openssl("req", *KEY, "-keyout", "key.pem", "-out", "request.pem", "-subj", f"/CN={network.HOP_NAME}")
    network.write(f"{folder}/extensions", f"subjectAltName = DNS:{network.HOP_NAME}\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority-key.pem", "-CAcreateserial",
            "-extfile", "extensions", "-out", "hop.pem", "-days", "2")
