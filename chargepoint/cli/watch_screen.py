"""The full screen of `chargepoint watch`; needs the extra `tui` (Textual).

One EVSE at a time with its power curve, the buses below, and one of three lists: log, OCPP
messages, alerts. What is shown is made of `watch_feed.Picture` twice a second, so that a flood of
facts costs no more than silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, RichLog, Sparkline, Static

from chargepoint.cli import watch_text
from chargepoint.cli.watch_feed import Feed, Picture
from chargepoint.config import Config

REFRESH_S = 0.5
LISTS = ("log", "messages", "alerts")

HELP = """\
1 to 9, ← →   another EVSE
Page up, down move in the list
l  m  a       log, OCPP messages, alerts
/             show only lines with a text in them; empty: all
p             pause: the screen stands still, nothing is lost
q             quit
Esc           close this, or the filter

The screen only listens; nothing here changes anything at the station."""


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]
    CSS = """
    Help { align: center middle; }
    Help Static { width: 66; height: auto; border: round $accent; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        yield Static(HELP, markup=False)


class WatchScreen(App[None]):
    """Shows `picture`; `feed` keeps it up to date, None: somebody else does."""

    TITLE = "chargepoint watch"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = ""
    CSS = """
    #head { height: 1; background: $primary; color: $text; padding: 0 1; }
    #top { height: 10; }
    #evse { width: 3fr; padding: 0 1; }
    #curve { width: 2fr; padding: 0 1; }
    #spark { height: 7; margin: 0; }
    #power { height: 2; }
    #buses { height: auto; max-height: 4; padding: 0 1; }
    #title { height: 1; background: $panel; padding: 0 1; }
    #list { height: 1fr; padding: 0 1; overflow-x: hidden; }
    #filter { display: none; height: 3; }
    #filter.open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "evse(-1)", "EVSE", show=False),
        Binding("right", "evse(1)", "EVSE", key_display="←→"),
        Binding("pageup", "scroll(-1)", "", show=False),
        Binding("pagedown", "scroll(1)", "", show=False),
        Binding("l", "list('log')", "log"),
        Binding("m", "list('messages')", "messages"),
        Binding("a", "list('alerts')", "alerts"),
        Binding("slash", "filter", "filter"),
        Binding("p", "pause", "pause"),
        Binding("question_mark", "help", "help"),
        Binding("q", "quit", "quit"),
        Binding("escape", "close_filter", "", show=False),
        *(Binding(str(n), f"number({n})", "", show=False) for n in range(1, 10)),
    ]

    def __init__(
        self, config: Config, picture: Picture | None = None, *, listen: bool = True
    ) -> None:
        super().__init__()
        self.picture = picture or Picture()
        self.evses = [evse.id for evse in config.evse]
        self.evse = self.evses[0]
        self.shown = "log"
        self.sought = ""
        self.paused = False
        self._config = config
        self._listen = listen
        self._drawn = -1
        self._listed = 0

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        with Horizontal(id="top"):
            yield Static(id="evse", markup=False)
            with Vertical(id="curve"):
                yield Static(id="power", markup=False)
                yield Sparkline([], id="spark")
        yield Static(id="buses", markup=False)
        yield Static(id="title", markup=False)
        lines = RichLog(id="list", wrap=False, max_lines=500, auto_scroll=True)
        lines.can_focus = False  # the arrow keys are for the EVSEs
        yield lines
        yield Input(id="filter", placeholder="only lines with this text")
        yield Footer()

    def on_mount(self) -> None:
        if self._listen:
            feed = Feed(self._config, self.picture, lambda: self.evse)
            self.run_worker(feed.run(), name="feed", exit_on_error=True)
        self.set_interval(REFRESH_S, self.draw)
        self.draw(force=True)

    # --- Drawing ----------------------------------------------------------------------------------

    def draw(self, *, force: bool = False) -> None:
        """Show what is known now, unless nothing has changed or the screen is paused."""
        picture = self.picture
        if not force and (self.paused or picture.version == self._drawn):
            return
        self._drawn = picture.version
        paused = "  PAUSED" if self.paused else ""
        self._say("#head", watch_text.head(picture) + paused)
        self._say("#evse", watch_text.evse(picture, self.evse))
        self._say("#power", watch_text.power(picture, self.evse))
        self._say("#buses", watch_text.buses(picture))
        powers = list(picture.powers.get(self.evse, ()))
        self.query_one("#spark", Sparkline).data = [0.0, *powers] if powers else []
        self._say("#title", self._heading())
        self._fill(again=force or self.shown == "alerts")

    def _heading(self) -> str:
        sought = f"  only `{self.sought}`" if self.sought else ""
        names = "  ".join(f"[{n}]" if n == self.shown else n for n in LISTS)
        return f"{names}{sought}"

    def _fill(self, *, again: bool) -> None:
        """Add what is new to the list, or write all of it again."""
        place = self.query_one("#list", RichLog)
        lines, total = self._lines()
        if again:
            place.clear()
            self._listed = total - len(lines)
        new = min(total - self._listed, len(lines))
        self._listed = total
        for line in lines[len(lines) - new :] if new > 0 else ():
            text = Text.from_ansi(line)
            if self.sought.casefold() in text.plain.casefold():
                place.write(text)

    def _lines(self) -> tuple[Sequence[str], int]:
        """The lines of the list, and how many there ever were."""
        picture = self.picture
        if self.shown == "log":
            return [watch_text.logged(line) for line in picture.log], picture.logged
        if self.shown == "messages":
            return [watch_text.message(one) for one in picture.messages], picture.messaged
        alerts = [watch_text.alert(one) for one in picture.alerts] or ["no open alert"]
        return alerts, len(alerts)

    def _say(self, where: str, text: str) -> None:
        self.query_one(where, Static).update(Text.from_ansi(text))

    # --- Keys -------------------------------------------------------------------------------------

    def action_evse(self, step: int) -> None:
        at = self.evses.index(self.evse)
        self._choose(self.evses[(at + step) % len(self.evses)])

    def action_number(self, number: int) -> None:
        if number in self.evses:
            self._choose(number)

    def _choose(self, evse: int) -> None:
        self.evse = evse
        self.draw(force=True)

    def action_list(self, name: str) -> None:
        self.shown = name
        self.draw(force=True)

    def action_scroll(self, pages: int) -> None:
        place = self.query_one("#list", RichLog)
        if pages < 0:
            place.scroll_page_up()
        else:
            place.scroll_page_down()

    def action_pause(self) -> None:
        self.paused = not self.paused
        self.draw(force=True)

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("open")
        field.value = self.sought
        field.focus()

    def action_close_filter(self) -> None:
        self.query_one("#filter").remove_class("open")
        self.set_focus(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.sought = event.value.strip()
        self.action_close_filter()
        self.draw(force=True)


def run(config: Config) -> None:
    """Show the screen until it is left."""
    WatchScreen(config).run()
