"""Run verify.py as a person does, beside a router that the package's tests have."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "sdk" / "python"))

from tests.router import KEYS, TYPE, Router


class Verify(unittest.TestCase):
    def test_a_line_for_each(self) -> None:
        router = Router()
        self.addCleanup(router.close)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "keys.json").write_text(KEYS)
            run = [sys.executable, str(HERE / "verify.py"), "--count", "2"]
            verify = subprocess.Popen(
                [*run, "--connect", router.at],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            router.deliver(1)
            router.deliver(2, exp=1)
            router.deliver(3, attempt=4)
            self.assertEqual(router.next()["id"], "order-1")
            self.assertEqual(router.next()["id"], "order-3")
            self.assertEqual(router.next(), {"goodbye": True})
            out, err = verify.communicate(timeout=20)
        lines = [f"done {TYPE} order-1 attempt 1\n", f"done {TYPE} order-3 attempt 4\n"]
        self.assertEqual(out, "".join(lines))
        self.assertRegex(err, r"^refused: expired \(.*\)\n$")
        self.assertEqual(verify.returncode, 0)

    def test_without_keys(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            run = [sys.executable, str(HERE / "verify.py")]
            ended = subprocess.run(run, cwd=folder, capture_output=True, check=False)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn(b"keys.json", ended.stderr)


if __name__ == "__main__":
    unittest.main()
