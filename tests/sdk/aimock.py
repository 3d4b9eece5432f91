"""@copilotkit/aimock as a process: what it says to which prompt."""

import json
import pathlib
import re
import subprocess

from clients_node import INSTALLED
from planted import FORBIDDEN, TEXT


class Aimock:
    def __init__(self, folder):
        folder = pathlib.Path(folder) / "aimock"
        folder.mkdir()
        said = [
            {"match": {"userMessage": "say it"}, "response": {"content": TEXT}},
            {"match": {"userMessage": "cut it"}, "response": {"content": TEXT}, "truncateAfterChunks": 20},
            {"match": {"userMessage": "forbid it"}, "response": {"content": f"well, it is {FORBIDDEN} as you know"}},
        ]
        (folder / "said.json").write_text(json.dumps({"fixtures": said}))
        command = [INSTALLED / "node_modules/.bin/llmock", "--port", "0", "--fixtures", folder, "--chunk-size", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found.group()
                return
        raise AssertionError("it did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
