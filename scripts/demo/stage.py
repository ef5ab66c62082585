"""Where the story is played: who types what in which clone, and whether it ends as it should."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.failure import DemoError
from demo.hub import Hub, Pull
from demo.people import TEAMS, Person
from demo.sandbox import Sandbox
from demo.screen import Later, Screen, Voice
from demo.shell import Beside, Done, Shell
from modelctl.domain.settings import DEPLOY, GATE

PASS, BLOCKED, USAGE = 0, 1, 2
READY = "ready to merge"
JOBS = "jobs"
_JOBS = {"gates": (GATE, None), "deploy": (DEPLOY, "deployer"), "ci": (DEPLOY, "ci")}
"""Which App each job acts as, and whose key it signs with."""

Part = Callable[[Voice], None]
_FETCHES = 3
_NOTHING: Mapping[str, str] = {}
_NO_MLFLOW = {"MLFLOW_TRACKING_URI": ""}
"""For whoever neither makes nor measures nor deploys models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Someone at a prompt: a person in their clone, or a job. `secrets` are the variables with
    their tokens and keys."""

    name: str
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """How much is shown of what a command prints: its first and its last lines, everything for 0
    and 0. `progress` says whether stderr is shown as well."""

    first: int = 0
    last: int = 0
    progress: bool = True


ALL = Excerpt()
HEADLINE = Excerpt(first=1, progress=False)
RESULT = Excerpt(progress=False)
_IN_SHORT = Excerpt(first=3, progress=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The sandbox, the screen, and everything that happens between them.

    `ports` are the routers' by environment, `usual_ports` those that modelctl takes by itself.
    """

    sandbox: Sandbox
    screen: Screen
    shell: Shell
    hub: Hub
    ports: Mapping[str, int]
    usual_ports: Mapping[str, int]

    def person(self, who: Person) -> Actor:
        """A person in their own clone, with a token of theirs."""
        folder = self.sandbox.clone(who.login)
        secrets = self.hub.by_person(who)
        if who in TEAMS["platform"]:
            secrets |= _NO_MLFLOW
        return Actor(name=who.login, folder=folder, secrets=secrets)

    def job(self, name: str) -> Actor:
        """A job in the clone of the jobs, with the App that it acts as and its signing key."""
        app, signer = _JOBS[name]
        secrets = self.hub.by_app(app)
        if signer is None:
            secrets |= _NO_MLFLOW
        else:
            key = (self.sandbox.keys / f"{signer}.pem").read_text()
            secrets["MODELCTL_SIGNING_KEY"] = key
        return Actor(name=name, folder=self.sandbox.clone(JOBS), secrets=secrets)

    def types(
        self,
        who: Actor,
        command: str,
        show: Excerpt | None = ALL,
        *,
        voice: Voice | None = None,
        env: Mapping[str, str] = _NOTHING,
        code: int = PASS,
    ) -> Done:
        """A command is shown and run, and then `show` of what it printed.

        Raises:
            DemoError: it doesn't end with `code`.
        """
        teller = voice or self.screen
        shown = "".join(f"{name}={shlex.quote(value)} " for name, value in env.items())
        teller.typed(who.name, shown + command)
        with teller.working(f"{who.name}: {command.split(' --', 1)[0]} …"):
            done = self._run(who, shlex.split(command), env, merged=not show or show.progress)
        if done.code != code:
            raise _otherwise(done, code)
        if show is not None:
            teller.printed(done.out, show.first, show.last)
        return done

    @contextmanager
    def goes_on(self, who: Actor, command: str) -> Iterator[Beside]:
        """A command is shown, and goes on beside what happens in this context."""
        self.screen.typed(who.name, command)
        env = self._look() | dict(who.secrets)
        with self.shell.beside(shlex.split(command), cwd=who.folder, env=env) as beside:
            yield beside

    def draws(self, who: Actor, command: str) -> None:
        """A command is shown, and draws on the terminal itself until it ends.

        Raises:
            DemoError: it fails.
        """
        self.screen.typed(who.name, command)
        env = self._look() | dict(who.secrets)
        code = self.shell.on_terminal(shlex.split(command), cwd=who.folder, env=env)
        if code != PASS:
            raise DemoError(f"`{command}` ended with {code}; the story says {PASS}")

    def silently(self, who: Actor, *args: str) -> str:
        """A command of no interest; what it printed on stdout.

        Raises:
            DemoError: it fails.
        """
        done = self._run(who, args, {"NO_COLOR": "1"}, merged=False)
        if done.code != PASS:
            raise _otherwise(done, PASS)
        return done.out

    def judged(
        self, *pulls: Pull, says: str = READY, show: Excerpt = RESULT, again: bool = False
    ) -> None:
        """The job that guards the branches judges pull requests: one by its number, or `again`
        after a review by its head, and then in short; several, all into one branch, as it finds
        them open. After that the titles of their check runs must begin with what the story `says`.

        Raises:
            DemoError: one doesn't.
        """
        which = str(pulls[0].number) if len(pulls) == 1 else f"--open --base {pulls[0].base}"
        if again:
            which, show = f"--head {self.hub.head(pulls[0])}", _IN_SHORT
        self.types(self.job("gates"), f"modelctl pr check {which} --exit-zero", show)
        for pull in pulls:
            conclusion, title = self.hub.check(pull)
            if not title.startswith(says) or (conclusion == "success") != (says == READY):
                told = f"the check of #{pull.number} says `{title}` ({conclusion})"
                raise DemoError(f"{told}; the story says `{says}`")

    def together(self, first: Part, *others: Part, brief: bool = False, told: bool = True) -> Later:
        """Parts that happen at the same time: the first is seen as it happens, the others after
        it; unless they are `told`, they are returned to be told later.

        Raises:
            DemoError: one of them went wrong; the rest is ended.
        """
        voice = Later(brief=brief)
        threads = [_Thread(part, voice) for part in others]
        try:
            first(self.screen)
            with self.screen.working("waiting for what goes on beside it …"):
                for thread in threads:
                    thread.join()
        except BaseException:
            self.shell.close()
            for thread in threads:
                thread.join()
            raise
        for thread in threads:
            thread.complain()
        if told:
            voice.tell(self.screen)
        return voice

    def fetch(self) -> None:
        """The jobs see what was pushed.

        A job beside it may fetch the same branch into this clone at the same instant; git takes
        that for an error of one of them, and succeeds when it is asked again.

        Raises:
            DemoError: it fails all the same.
        """
        jobs = Actor(name=JOBS, folder=self.sandbox.clone(JOBS))
        pull = ("git", "pull", "--quiet", "--ff-only")
        for _ in range(_FETCHES - 1):
            if self._run(jobs, pull, merged=False).code == PASS:
                return
        self.silently(jobs, *pull)

    def _run(
        self, who: Actor, args: Sequence[str], env: Mapping[str, str] = _NOTHING, *, merged: bool
    ) -> Done:
        # Only these two act as somebody. What trains, tests and loads models gets no secret.
        secrets = who.secrets if args[0] in ("git", "modelctl") else {}
        return self.shell.run(
            args, cwd=who.folder, env={**self._look(), **secrets, **env}, merged=merged
        )

    def _look(self) -> dict[str, str]:
        color = {"FORCE_COLOR": "1"} if self.screen.color else {"NO_COLOR": "1"}
        return {"COLUMNS": str(self.screen.report_width), **color}


class _Thread(threading.Thread):
    """A part that is played beside another one."""

    def __init__(self, part: Part, voice: Voice):
        super().__init__(daemon=True)
        self._part, self._voice = part, voice
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Play it."""
        try:
            self._part(self._voice)
        except BaseException as error:  # noqa: BLE001 - `complain` raises it in the main thread
            self._error = error

    def complain(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise self._error


def _otherwise(done: Done, code: int) -> DemoError:
    return DemoError(
        f"`{done.command}` ended with {done.code}; the story says {code}", done.out + done.err
    )
