"""
What a bundle answers by the HTTP API of `florence serve`, each answer kept in a file of JSON lines. Imported by figures.py.
"""

import base64
import collections
import hashlib
import io
import json
import os
import re
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Service:
    """`florence serve` over one bundle, for this machine only."""

    def __init__(self, bundle, threads):
        command = ["node", str(ROOT / "src/cli/florence.js"), "serve", "--open", "--port", "0", "--data", tempfile.mkdtemp(), "--model", str(bundle), "--threads", str(threads)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "FLORENCE_RATE_PER_MINUTE": "100000"})
        for line in self.process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                self.address = found.group()
                break
        else:
            raise SystemExit("florence serve did not start")
        threading.Thread(target=lambda: collections.deque(self.process.stdout, 0), daemon=True).start()  # its log

    def ask(self, image, tasks, **options):
        """-> results in the tasks' order, the problem in place of what the bundle was not trained for. image: PIL."""
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        body = {"image": {"base64": base64.b64encode(buffer.getvalue()).decode()}, "tasks": tasks, "options": {"min_score": 0} | options}
        request = urllib.request.Request(self.address + "/v1/analyze", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)["results"]
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            if problem.get("code") != "unsupported_task":
                raise SystemExit(f"{problem}") from error
        kinds = list(dict.fromkeys(t["task"] for t in tasks))
        if len(kinds) == 1:
            return [problem] * len(tasks)
        told = {kind: iter(self.ask(image, [t for t in tasks if t["task"] == kind], **options)) for kind in kinds}
        return [next(told[t["task"]]) for t in tasks]


def is_refused(result):
    """Whether the bundle was not trained for what it was asked."""
    return "unsupported_task" in (result.get("code"), (result.get("problem") or {}).get("code"))


class Answers:
    """What was answered, in a file of JSON lines: the first names the bundle, then one a picture, on the disk before the next is asked."""

    def __init__(self, file, bundle=None, threads=1, tasks=()):
        """bundle: its folder; without one the file is only read. tasks: what may be asked or missed, all if empty; the rest counts as
        not trained for, where it was not answered before."""
        self.tasks = set(tasks)
        self.file, self.bundle, self.threads = Path(file), bundle, threads
        self.known, self.refused, self.service = {}, set(), None
        identity = None
        if bundle:
            manifest = (Path(bundle) / "manifest.json").read_bytes()
            identity = {"revision": json.loads(manifest)["revision"], "sha256": hashlib.sha256(manifest).hexdigest()}
        if self.file.exists():
            text = self.file.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]
            if whole != text and bundle:  # half a line of a run that was killed
                with open(self.file, "r+b") as half:
                    half.truncate(len(whole))
            first, *lines = map(json.loads, whole.splitlines()) if whole else [None]
            if identity and first and first["bundle"] != identity:
                raise SystemExit(f"{self.file} has the answers of another bundle, {first['bundle']['revision']}: name another --out.")
            identity = first["bundle"] if first else identity
            self.known = {line["key"]: line["answers"] for line in lines}
        if identity is None:
            raise SystemExit(f"{self.file} has no answers.")
        self.identity = identity
        if bundle and not (self.file.exists() and self.file.stat().st_size):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.append({"bundle": identity})

    def append(self, line):
        with open(self.file, "a", encoding="utf8") as file:
            file.write(json.dumps(line) + "\n")

    def of(self, key, image, tasks, **options):
        """Results in the tasks' order. key: of the picture and what is asked; image: gives the PIL picture."""
        if key not in self.known:
            kinds = {t["task"] for t in tasks}
            if self.tasks and not kinds <= self.tasks:
                self.refused |= kinds
                return [{"code": "unsupported_task"}] * len(tasks)
            if self.bundle is None:
                raise SystemExit(f"{self.file} has no answer about '{key}': run with --bundle and this --out first.")
            self.service = self.service or Service(self.bundle, self.threads)
            picture = image()
            self.known[key] = [a for at in range(0, len(tasks), 16) for a in self.service.ask(picture, tasks[at : at + 16], **options)]
            self.append({"key": key, "answers": self.known[key]})
        for task, result in zip(tasks, self.known[key]):
            if is_refused(result):
                self.refused.add(task["task"])
        return self.known[key]

    def close(self):
        if self.service:
            self.service.process.terminate()
