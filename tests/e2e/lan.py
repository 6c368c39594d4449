"""lan: a network of its own: machines on one switch, each with a link of its own
speed. Real kernel, real TCP; needs no root where user namespaces are allowed."""
import os
import subprocess
import time


class Lan:
    """with Lan() as lan: lan.machine("100mbit").run([...])"""

    def __init__(self):
        self.count, self.held = 0, []

    def __enter__(self):
        self.root = self._hold(["unshare", "-Urn"], os.getpid())
        self.sh("ip link add br0 type bridge && ip link set br0 up"
                " && ip link set lo up")
        return self

    def __exit__(self, *_):
        for p in reversed(self.held):
            p.kill()
            p.wait()

    def _hold(self, wrap, other):
        """A process that keeps a namespace: its pid names it."""
        p = subprocess.Popen([*wrap, "sleep", "infinity"],
                             stderr=subprocess.DEVNULL)
        self.held.append(p)
        for _ in range(500):
            if p.poll() is not None:
                raise OSError("no network namespaces here")
            with open(f"/proc/{p.pid}/comm") as f:
                if f.read() == "sleep\n" and \
                        os.readlink(f"/proc/{p.pid}/ns/net") != \
                        os.readlink(f"/proc/{other}/ns/net"):
                    return p.pid
            time.sleep(0.01)
        raise OSError("no network namespaces here")

    def enter(self, pid):
        return ["nsenter", "-t", str(pid), "-U", "-n",
                "--preserve-credentials"]

    def sh(self, command, pid=None):
        subprocess.run([*self.enter(pid or self.root), "sh", "-ec", command],
                       check=True, capture_output=True)

    def machine(self, rate=None):
        """A machine whose link carries @rate each way, like "2mbit"."""
        self.count += 1
        n = self.count
        pid = self._hold([*self.enter(self.root), "unshare", "-n"], self.root)
        self.sh(f"ip link add v{n} type veth peer name eth0 netns {pid};"
                f"ip link set v{n} master br0; ip link set v{n} up")
        self.sh(f"ip addr add 10.77.{n // 250}.{n % 250 + 1}/16 dev eth0;"
                "ip link set lo up; ip link set eth0 up", pid)
        if rate:
            queue = f"root tbf rate {rate} burst 64k latency 100ms"
            self.sh(f"tc qdisc add dev v{n} {queue}")
            self.sh(f"tc qdisc add dev eth0 {queue}", pid)
        return Machine(self, pid, f"10.77.{n // 250}.{n % 250 + 1}")


class Machine:
    def __init__(self, lan, pid, address):
        self.prefix, self.address = lan.enter(pid), address

    def sh(self, command):
        subprocess.run([*self.prefix, "sh", "-ec", command], check=True,
                       capture_output=True)


def possible():
    try:
        with Lan() as lan:
            lan.machine("1mbit")
        return True
    except (OSError, subprocess.CalledProcessError):
        return False
