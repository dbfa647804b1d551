"""What `python -m hil.run` refuses before it plays anything."""

from __future__ import annotations

import pytest

from hil.run import main


def test_boards_that_do_not_open_alone_are_not_played_on_a_slow_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The station would refuse them: hal.loader.BAUD_MIN."""
    with pytest.raises(SystemExit) as ended:
        main(["--board", "plain", "--baud", "9600"])
    assert ended.value.code == 2
    assert "need 19200 baud or more" in capsys.readouterr().err
