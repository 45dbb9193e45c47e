"""Takes from our own code what Windows does not have, in every Python process that finds this folder on its path.

For modules of `genomes` and `neuroevo`: no `fcntl`, `resource` and the like, no POSIX names in `os` and `signal`, no `/proc`, no file names that
Windows forbids, and no file is deleted or replaced while this process has it open. Libraries keep all that: they have their own ways elsewhere.
"""

import builtins
import errno
import os
import signal
import sys
import sysconfig
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "genomes") + os.sep, str(ROOT / "neuroevo") + os.sep)
STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
SITE = sysconfig.get_paths()["purelib"] + os.sep

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
NAMES = {
    "os": [
        "O_ASYNC",
        "O_CLOEXEC",
        "O_DIRECTORY",
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "O_SYNC",
        "WNOHANG",
        "chown",
        "fchmod",
        "fork",
        "fork_exec",
        "forkpty",
        "getegid",
        "geteuid",
        "getgid",
        "getloadavg",
        "getpgid",
        "getpgrp",
        "getpriority",
        "getsid",
        "getuid",
        "killpg",
        "lchown",
        "mkfifo",
        "nice",
        "posix_fadvise",
        "posix_spawn",
        "pread",
        "pwrite",
        "register_at_fork",
        "sched_getaffinity",
        "sched_setaffinity",
        "sendfile",
        "set_blocking",
        "setpgid",
        "setpgrp",
        "setsid",
        "statvfs",
        "sync",
        "sysconf",
        "tcgetpgrp",
        "uname",
        "wait",
        "wait3",
        "wait4",
    ],
    "signal": [
        "SIGALRM",
        "SIGCHLD",
        "SIGCONT",
        "SIGHUP",
        "SIGIO",
        "SIGKILL",
        "SIGPIPE",
        "SIGSTOP",
        "SIGUSR1",
        "SIGUSR2",
        "SIGXCPU",
        "SIGXFSZ",
        "alarm",
        "pthread_kill",
        "setitimer",
        "sigwait",
    ],
}
FORBIDDEN = set('<>:"|?*')
OPEN = "The process cannot access the file because it is being used by another process"


class Without(types.ModuleType):
    """A module without some of its names."""

    def __init__(self, module: types.ModuleType, names: list[str]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _names=frozenset(names))

    def __getattr__(self, name: str) -> object:
        if name in self.__dict__["_names"]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on this system")
        return getattr(self.__dict__["_module"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_module"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__["_module"], name)


LESS = {module.__name__: Without(module, NAMES[module.__name__]) for module in (os, signal)}
imported = builtins.__import__


def without(name, globals=None, locals=None, fromlist=(), level=0):
    first = name.partition(".")[0]
    if level == 0 and (first in MODULES or name in LESS) and str((globals or {}).get("__file__")).startswith(OURS):
        lacking = set(fromlist or ()) & set(NAMES.get(name, ()))
        if first in MODULES or lacking:
            raise ImportError(f"this system has no {', '.join(sorted(lacking)) or name}")
        if not fromlist:
            return LESS[name]
    return imported(name, globals, locals, fromlist, level)


def ours() -> bool:
    """Whether it is our own code that does something, be it by way of the standard library."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(OURS):
            return True
        if not (file.startswith("<frozen") or (file.startswith(STANDARD) and not file.startswith(SITE))):
            return False
        frame = frame.f_back
    return False


def watch(event: str, arguments: tuple) -> None:
    if event == "open":
        path, _, flags = arguments
        if not isinstance(path, (str, os.PathLike)):
            return
        if os.fspath(path).startswith("/proc/") and ours():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        made = isinstance(flags, int) and flags & os.O_CREAT
        named = [path] if made else []
    elif event in ("os.mkdir", "os.rename", "os.link", "os.symlink"):
        named = [path for path in arguments[:2] if isinstance(path, (str, os.PathLike))]
    else:
        return
    for path in named:
        if FORBIDDEN & set(os.fspath(path)) and ours():
            raise OSError(errno.EINVAL, "Windows has no such file names", path)


def unless_open(function):
    """A function of `os` that refuses to touch a file that this process has open."""

    def refusing(*paths, **named):
        if ours():
            touched = {os.path.realpath(path) for path in paths if isinstance(path, (str, os.PathLike))}
            for number in os.listdir("/proc/self/fd"):
                try:
                    held = os.readlink(f"/proc/self/fd/{number}")
                except OSError:
                    continue
                if held in touched:
                    raise PermissionError(errno.EACCES, OPEN, held)
        return function(*paths, **named)

    return refusing


builtins.__import__ = without
sys.addaudithook(watch)
for name in ("replace", "rename", "unlink", "remove"):
    setattr(os, name, unless_open(getattr(os, name)))
