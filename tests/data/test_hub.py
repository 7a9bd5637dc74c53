"""Fetching the base model, from a small local server that speaks the hub's protocol."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers import DEMO, script

REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES = {path.name: path.read_bytes() for path in (DEMO / "policy").iterdir() if path.is_file()} | {
    "pytorch_model.bin": b"the same weights once more",
}


class Hub(BaseHTTPRequestHandler):
    """One model, `org/name`, with the demo policy's files."""

    def do_GET(self):
        name = self.path.split("?")[0].rsplit("/", 1)[1]
        if self.path.startswith(f"/api/models/org/name/revision/{REVISION}"):
            listed = [{"rfilename": file} for file in FILES]
            self.answer(
                json.dumps({"id": "org/name", "sha": REVISION, "siblings": listed}).encode()
            )
        elif self.path.startswith(f"/api/models/org/name/tree/{REVISION}"):
            tree = [
                {"type": "file", "path": file, "size": len(FILES[file]), "oid": file}
                for file in FILES
            ]
            self.answer(json.dumps(tree).encode())
        elif self.path.startswith(f"/org/name/resolve/{REVISION}/") and name in FILES:
            self.answer(FILES[name])
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if self.command == "GET":
            self.server.served.append(self.path.rsplit("/", 1)[1])
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.served = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def fetch(hub, model, output, tmp_path):
    return script(
        "fetch_model.py", "--model", model, "--output", output, HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}",
        HF_HOME=str(tmp_path / "cache"), HF_HUB_OFFLINE="0", NO_PROXY="127.0.0.1",
    )  # fmt: skip


def test_a_model_is_fetched_at_its_revision_without_a_second_form_of_its_weights(hub, tmp_path):
    output = tmp_path / "models/org--name"
    fetched = fetch(hub, f"org/name@{REVISION}", output, tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    for name in ("model.safetensors", "config.json", "tokenizer.json", "generation_config.json"):
        assert (output / name).read_bytes() == FILES[name]
    assert not (output / "pytorch_model.bin").exists()
    assert "pytorch_model.bin" not in hub.served


def test_a_revision_that_is_not_there_is_named_and_leaves_nothing(hub, tmp_path):
    output = tmp_path / "models/org--name"
    refused = fetch(hub, "org/name@other", output, tmp_path)
    assert refused.returncode == 1
    assert "error: org/name@other could not be fetched" in refused.stderr
    assert not output.exists()
