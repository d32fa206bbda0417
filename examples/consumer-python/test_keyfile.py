"""Follow a file of keys through what becomes of it."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import keyfile


def number(text: bytes) -> int:
    return int(text)


class Follow(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        clock = mock.patch("keyfile.time.monotonic", side_effect=lambda: self.time)
        self.addCleanup(clock.stop)
        self.time = 100.0
        clock.start()

    def swap(self, version: str, text: str) -> None:
        """Put a version in place as Kubernetes does: files are links through ..data."""
        (self.folder / version).mkdir()
        (self.folder / version / "keys").write_text(text)
        (self.folder / "..next").symlink_to(version)
        (self.folder / "..next").rename(self.folder / "..data")

    def at(self, file: keyfile.KeyFile[int], seconds: float) -> tuple[int, str]:
        self.time += seconds
        with contextlib.redirect_stderr(io.StringIO()) as told:
            return file.now(), told.getvalue()

    def test_changes(self) -> None:
        self.swap("..v1", "1")
        path = self.folder / "keys"
        path.symlink_to("..data/keys")
        file = keyfile.KeyFile(str(path), number)
        self.assertEqual(self.at(file, 5), (1, ""))
        self.swap("..v2", "2")
        self.assertEqual(self.at(file, 0.9), (1, ""))
        self.assertEqual(self.at(file, 0.1), (2, ""))
        path.write_text("3")  # in place, with as many bytes
        self.assertEqual(self.at(file, 1), (3, ""))
        for broken in "x", "y":
            path.write_text(broken)
            value, told = self.at(file, 1)
            self.assertEqual(value, 3)
            self.assertIn(f"{path} changes nothing: ", told)
            self.assertEqual(self.at(file, 1), (3, ""))
        path.unlink()
        self.assertIn("No such file", self.at(file, 1)[1])
        self.assertEqual(self.at(file, 1), (3, ""))
        path.write_text("3")  # as it was
        self.assertEqual(self.at(file, 1), (3, ""))
        path.unlink()
        self.assertIn("No such file", self.at(file, 1)[1])
        path.write_text("4")
        self.assertEqual(self.at(file, 1), (4, ""))

    def test_start(self) -> None:
        with self.assertRaises(OSError):
            keyfile.KeyFile(str(self.folder / "none"), number)
        (self.folder / "empty").touch()
        with self.assertRaises(ValueError):
            keyfile.KeyFile(str(self.folder / "empty"), number)


if __name__ == "__main__":
    unittest.main()
