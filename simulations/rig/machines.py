"""machines: what a node stands on, and how it fails there. A Plain machine is a
folder whose processes are killed; a Powered one is an ext4 of its own on a loop
device, shut down without a word to what was not synced (EXT4_IOC_SHUTDOWN, no
flush of the journal): a power cut, on a real file system."""
import fcntl
import os
import shutil
import struct
import subprocess
import time

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
DISK_BYTES = 192 << 20


def run(*argv):
    subprocess.run(argv, check=True, capture_output=True)


class Plain:
    """Processes die, the system lives: all that was written is there."""
    loses_unsynced = False

    def __init__(self, path):
        self.path = path
        os.makedirs(path)

    def settle(self):
        """What the user has written is on the disk."""

    def fail(self, processes):
        for p in processes:
            p.kill()

    def close(self, keep=False):
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)


class Powered(Plain):
    """What was not synced is gone, after a power cut."""
    loses_unsynced = True

    def __init__(self, path):
        super().__init__(path)
        self.image, self.mounted = path + ".img", False
        with open(self.image, "wb") as f:
            f.truncate(DISK_BYTES)
        run("mkfs.ext4", "-q", self.image)
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", self.image, self.path)
        self.mounted = True

    def unmount(self):
        """A process that was killed may hold the disk a little longer."""
        end = time.monotonic() + 10
        while subprocess.run(["umount", self.path], capture_output=True,
                             check=False).returncode != 0:
            if time.monotonic() > end:
                raise AssertionError(f"'{self.path}' stays busy")
            time.sleep(0.01)
        self.mounted = False

    def settle(self):
        run("sync", "-f", self.path)

    def fail(self, processes):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)
        super().fail(processes)
        self.unmount()
        self.mount()

    def close(self, keep=False):
        if self.mounted:
            self.unmount()
        if not keep:
            os.remove(self.image)
        super().close(keep)


def can_cut_power():
    """Why a Powered machine cannot be had here; None when it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    for tool in ("mkfs.ext4", "mount"):
        if shutil.which(tool) is None:
            return f"no {tool}"
    path = f"/tmp/lyceum-power-{os.getpid()}"
    machine = None
    try:
        machine = Powered(path)
        machine.fail([])
    except (OSError, subprocess.CalledProcessError) as e:
        return f"no loop mount: {e}"
    finally:
        if machine is not None:
            machine.close()
    return None
