"""verifiers against a server of this process that speaks the OpenAI protocol: half of its answers are right."""

import asyncio
import importlib.metadata
import json
import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import synthgen

PAGE = Path(__file__).parents[1] / "docs/clients/verifiers.md"
module, loading = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
folder = Path(tempfile.mkdtemp())
(folder / "rows.py").write_text(module)
sys.path.insert(0, str(folder))
os.chdir(folder)
os.environ |= {"HOME": str(folder), "NO_KEY": "none"}  # verifiers keeps its runs at home

answers: dict[str, str] = {}
"""What the model says, by prompt."""


class Model(BaseHTTPRequestHandler):
    """A model behind the OpenAI protocol, of which chat completions are all that is asked."""

    def do_POST(self) -> None:
        """Answer a prompt."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": answers.get(asked["messages"][-1]["content"], "I do not know.")}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": asked["model"], "usage": usage}
        body = json.dumps({**reply, "choices": [choice]}).encode()
        self.send_response(200 if self.path.endswith("/chat/completions") else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Say nothing."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()

names: dict = {}
exec(loading, names)
vf, environment = names["vf"], names["environment"]
tasks = list(environment.taskset)
source = synthgen.load("mano-tiny")
rows = source.batch(0, 12, "test_l2").to_pylist()
assert [task.data.difficulty for task in tasks] == [row["difficulty"] for row in rows] == [2] * 12
for number, (task, row) in enumerate(zip(tasks, rows, strict=True)):
    answers[task.data.prompt] = f"The answer is {(row['latent']['answer'] + number % 2) % 7}."


async def played() -> list:
    """Have every task played once."""
    client = vf.EvalClientConfig(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key_var="NO_KEY")
    context = vf.ModelContext(client=client, model="model", sampling=vf.SamplingConfig())
    async with environment.serving():
        return [await environment.run_episode(task, context) for task in tasks]


chance = source.entropy("test_l2").facts["guess_accuracy"]
for number, episode in enumerate(asyncio.run(played())):
    assert episode.ok, episode
    (trace,) = episode.traces
    right = 1.0 - number % 2
    assert trace.reward == right, (number, trace.rewards, trace.last_reply)
    assert trace.metrics == {"correct": right, "correct_difficulty_2": right, "chance": chance}, trace.metrics

igsm = synthgen.load("igsm-med-pq")
asked = {"id": "rows", "spec": "igsm-med-pq", "split": "test", "rows": 4, "worded": True}
environment = vf.load_environment(
    vf.resolve_env_config({"taskset": asked, "agent": {"runtime": {"type": "subprocess"}}})
)
tasks, rows = list(environment.taskset), igsm.batch(0, 4, "test").to_pylist()
for number, (task, row) in enumerate(zip(tasks, rows, strict=True)):
    assert task.data.prompt == igsm.task("test").worded(row["prompt"])
    answers[task.data.prompt] = f"Answer: {row['latent']['answer'] + number % 2}"
assert [episode.traces[0].reward for episode in asyncio.run(played())] == [1, 0, 1, 0]
server.shutdown()

versions = {"verifiers": importlib.metadata.version("verifiers")}
did = "loaded by its module, 12 episodes against a local endpoint, right and wrong in turn: rewards, metrics, chance"
glue = len([line for line in module.splitlines() if line.strip()])
print(json.dumps({"client": "verifiers", "versions": versions, "glue": glue, "did": did}))
