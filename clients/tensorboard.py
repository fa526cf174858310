"""TensorBoard: a run logs its metrics there, and what its files hold is what `metrics.jsonl` holds."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # last, since this script has the name of the package

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tracked_run import compare, tell, tracked

run = tracked("tensorboard")
events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
compare(run, {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]})
tell("tensorboard", "50 steps of copy-tiny; every figure of metrics.jsonl is in the event files, at its step")
