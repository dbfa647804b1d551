"""An agent for commands: answers on the socket of a configuration, and remembers what was asked."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from chargepoint.config import load
from chargepoint.ipc.codec import decode_request, encode
from chargepoint.ipc.service import Answered, Request

DEMO = Path(__file__).resolve().parents[2] / "config/examples/demo.toml"


class Agent:
    """`answer` says what each request gets."""

    def __init__(self, folder: Path, answer: Callable[[Request], Sequence[Answered]]) -> None:
        self.config = folder / "station.toml"
        self.config.write_text(DEMO.read_text())
        self.asked: list[Request] = []
        agent = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline()
                if not line:
                    return
                request = decode_request(line)
                agent.asked.append(request)
                for one in answer(request):
                    self.wfile.write(encode(one))

        path = Path(load(str(self.config)).agent_socket())
        path.parent.mkdir(parents=True, exist_ok=True)
        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def __enter__(self) -> Agent:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def call(self, *arguments: str, said: str = "") -> Result:
        return call(self.config, *arguments, said=said)


def call(config: Path, *arguments: str, said: str = "") -> Result:
    """`chargepoint ARGUMENTS --config CONFIG`, in this process."""
    return CliRunner().invoke(main, [*arguments, "--config", str(config)], input=said)
