"""`node run` under somebody who wants to know how it is, as systemd does: a datagram
socket named by NOTIFY_SOCKET."""
import os
import signal
import socket
import time

from lib import LYCEUM_ASAN, Case

ALONE = True


class Supervisor(Case):
    def supervised(self, name=None, **env):
        """-> (home, its supervisor's end)"""
        path = name or self.path("notify")
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(path.replace("@", "\0", 1) if name else path)
        told.settimeout(20)
        return self.home("expert", NOTIFY_SOCKET=path, **env), told

    def silent(self, told, seconds):
        told.settimeout(seconds)
        with self.assertRaises(TimeoutError):
            told.recv(4096)

    # It is ready when peers can connect, not before; it says that it stops; other
    # commands say nothing.
    def test_ready_and_stopping(self):
        for name in (None, f"@lyceum-test-{os.getpid()}"):
            home, told = self.supervised(name)
            home.run("ls")
            self.silent(told, 0.2)
            told.settimeout(20)
            p = home.start("node", "run", "--listen", "127.0.0.1:0")
            self.addCleanup(p.kill)
            lines = told.recv(4096).decode().split("\n")
            self.assertEqual(lines[0], "READY=1")
            host, port = lines[1].removeprefix("STATUS=").split(":")
            socket.create_connection((host, int(port)), 5).close()
            self.silent(told, 0.5)  # nobody asked for a watchdog
            p.signal()
            told.settimeout(20)
            self.assertEqual(told.recv(4096), b"STOPPING=1")
            self.assertEqual(p.wait(15).code, 0)

    # A node that cannot listen was never ready.
    def test_never_ready(self):
        home, told = self.supervised()
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        r = home.run("node", "run", "--listen",
                     f"127.0.0.1:{taken.getsockname()[1]}", code=None)
        self.assertNotEqual(r.code, 0)
        self.silent(told, 0.2)

    # Who asks hears twice in the time given that the loop turns, and nothing
    # while it does not; what is meant for another process is not answered.
    def test_watchdog(self):
        home, told = self.supervised(WATCHDOG_USEC="1000000")
        p = home.start("node", "run", "--listen", "127.0.0.1:0")
        self.addCleanup(p.kill)
        self.assertTrue(told.recv(4096).startswith(b"READY=1"))
        start = time.monotonic()
        for _ in range(4):
            self.assertEqual(told.recv(4096), b"WATCHDOG=1")
        self.assertGreater(time.monotonic() - start, 1.4)
        self.assertLess(time.monotonic() - start, 3)
        p.signal(signal.SIGSTOP)
        time.sleep(0.2)
        told.setblocking(False)
        while True:
            try:
                told.recv(4096)
            except BlockingIOError:
                break
        self.silent(told, 1.5)
        p.signal(signal.SIGCONT)
        p.signal()
        self.assertEqual(p.wait(15).code, 0)
        home, told = self.supervised(f"@lyceum-wd-{os.getpid()}",
                                     WATCHDOG_USEC="200000", WATCHDOG_PID="1")
        n = self.node(home)
        self.assertTrue(told.recv(4096).startswith(b"READY=1"))
        self.silent(told, 1)
        n.stop()

    # A socket that is not there, or no socket at all: the node runs, its log says
    # what was wrong, and nothing is as bad as a crash.
    def test_nobody_there(self):
        for name in (self.path("none"), "@none", "@", "/", "vsock:2:1", "x",
                     "/" + "x" * 107, "@" + "y" * 200, self.dir):
            home = self.home("expert", LYCEUM_ASAN, NOTIFY_SOCKET=name,
                             WATCHDOG_USEC="-1")
            node = self.node(home)
            r = node.stop()
            self.assertEqual(r.code, 0, r)
            self.assertRegex(r.err, r"(?m)^\S+ warn +not-told why=", name)
        for usec in ("1", "0", "x", "99999999999999999999", "18446744073709551615"):
            home, told = self.supervised(f"@lyceum-{usec}-{os.getpid()}",
                                         WATCHDOG_USEC=usec)
            home.binary = LYCEUM_ASAN
            node = self.node(home)
            self.assertTrue(told.recv(4096).startswith(b"READY=1"))
            self.assertEqual(node.stop().code, 0)
