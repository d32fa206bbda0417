"""Follow a file of keys through what becomes of it."""

import logging
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from headgate.consumer.keys import KeyFile

LOG = logging.getLogger("headgate.tests")


def number(text: bytes) -> int:
    return int(text)


class Follow(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.time = 100.0
        clock = mock.patch(
            "headgate.consumer.keys.time.monotonic", side_effect=lambda: self.time
        )
        self.addCleanup(clock.stop)
        clock.start()

    def swap(self, version: str, text: str) -> None:
        """Put a version in place as Kubernetes does: files are links through ..data."""
        (self.folder / version).mkdir()
        (self.folder / version / "keys").write_text(text)
        (self.folder / "..next").symlink_to(version)
        (self.folder / "..next").rename(self.folder / "..data")

    def at(self, file: KeyFile[int], seconds: float) -> tuple[int, bool, str]:
        """Give what it says, whether that is new, and what was told."""
        self.time += seconds
        with mock.patch.object(LOG, "warning") as told:
            new = file.look()
        lines = [call.args[0] % call.args[1:] for call in told.call_args_list]
        return file.value, new, "".join(lines)

    def test_changes(self) -> None:
        self.swap("..v1", "1")
        path = self.folder / "keys"
        path.symlink_to("..data/keys")
        file = KeyFile(str(path), number, LOG)
        file.begin()
        self.assertEqual(self.at(file, 5), (1, False, ""))
        self.swap("..v2", "2")
        self.assertEqual(self.at(file, 0.9), (1, False, ""))
        self.assertEqual(self.at(file, 0.1), (2, True, ""))
        path.write_text("3")  # in place, with as many bytes
        self.assertEqual(self.at(file, 1), (3, True, ""))
        for broken in "x", "y":
            path.write_text(broken)
            value, new, told = self.at(file, 1)
            self.assertEqual([value, new], [3, False])
            self.assertIn(f"{path} changes nothing: ", told)
            self.assertEqual(self.at(file, 1), (3, False, ""))
        path.unlink()
        self.assertIn("No such file", self.at(file, 1)[2])
        self.assertEqual(self.at(file, 1), (3, False, ""))
        path.write_text("3")  # as it was
        self.assertEqual(self.at(file, 1), (3, False, ""))
        path.unlink()
        self.assertIn("No such file", self.at(file, 1)[2])
        path.write_text("4")
        self.assertEqual(self.at(file, 1), (4, True, ""))
        path.write_text("5" * 5_000_000)
        self.assertIn("over 4 MiB", self.at(file, 1)[2])

    def test_start(self) -> None:
        with self.assertRaises(OSError):
            KeyFile(str(self.folder / "none"), number, LOG).begin()
        (self.folder / "empty").touch()
        with self.assertRaises(ValueError):
            KeyFile(str(self.folder / "empty"), number, LOG).begin()
