"""`kerbside serve`: gunicorn on the app, and beside it the worker that plans the nights."""

import os
import signal
import socket
import subprocess
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from app.errors import SetupError

STREAMS = 16
"""Threads left for answers that stay open (live events)."""


def free_port(host: str, wanted: int, *, tries: int = 20) -> int:
    """`wanted`, or the next port that nobody listens on."""
    for port in range(wanted, wanted + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise SetupError(f"All ports from {wanted} to {wanted + tries - 1} are taken: name a free one with --port.")


def start_worker() -> "subprocess.Popen[bytes]":
    """The planning worker, in a process of its own that outlives no Ctrl-C of ours."""
    return subprocess.Popen([sys.executable, "-m", "app.jobs.cli", "worker"])


def stop_process(process: "subprocess.Popen[bytes]", *, patience_s: float = 20) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Server(BaseApplication):  # type: ignore[misc]
    """The WSGI server, configured in code: nothing to edit, nothing to forget."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for key, value in self.options.items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        return import_app("wsgi:application")


def serve(*, host: str, port: int, workers: int | None = None, threads: int = 24, quiet: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; the caller has taken the database's lease, so that it stays up between workers."""
    Server(
        {
            "bind": f"{host}:{port}",
            "workers": workers or min(4, os.cpu_count() or 1),
            "worker_class": "gthread",
            "threads": threads + STREAMS,
            "timeout": 120,
            "graceful_timeout": 15,
            "keepalive": 5,
            "loglevel": "warning" if quiet else "info",
            "preload_app": False,
            "control_socket_disable": True,
        }
    ).run()
