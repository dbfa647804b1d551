"""The safety program as a process on the ptys of a stage: started, signalled, ended."""

from __future__ import annotations

import signal
import time

from hil.stage import Stage, StageError

READY_WAIT_S = 20.0
PROGRAM = "control"


class SafetyProgram:
    """One safety program at a time."""

    def __init__(self, stage: Stage, board: str) -> None:
        """`board`: device that must be asked on the wire before the program counts as ready."""
        self._stage = stage
        self._board = board

    def start(self) -> float:
        """Start it and wait until it polls its board. Raises StageError."""
        before = self._requests()
        self._stage.start(PROGRAM)
        socket = self._stage.config.control_socket(self._stage.config.bus[0].name)
        self._stage.wait_until(
            lambda: socket.exists() and self._requests() > before + 10,
            READY_WAIT_S,
            "the safety program to poll its board",
            PROGRAM,
        )
        return time.monotonic()

    def signal(self, number: int) -> float:
        at_s = time.monotonic()
        self._stage.processes[PROGRAM].send_signal(number)
        return at_s

    def restart(self) -> float:
        """Wait until it has ended, and start it again; the instant at which it polls."""
        process = self._stage.processes.pop(PROGRAM)
        process.wait(READY_WAIT_S)
        return self.start()

    def stop(self) -> None:
        """End it whatever state it is in. Raises StageError when it had ended by a doubt."""
        process = self._stage.processes.get(PROGRAM)
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        code = self._stage.end(PROGRAM)
        if code == 1:
            raise StageError("the safety program ended with a doubt:\n" + self._stage.log(PROGRAM))

    def kill(self) -> None:
        """End it without waiting for anything orderly."""
        process = self._stage.processes.pop(PROGRAM, None)
        if process is not None:
            process.kill()
            process.wait()

    def _requests(self) -> int:
        return int(self._stage.state()["device"][self._board]["requests"])
