"""One sample: a sentence signed by a signer, written as files and described by a manifest row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from attrs import asdict, frozen

from slp_encoders.synthetic.grammar import Name, Sentence
from slp_encoders.synthetic.motion import perform
from slp_encoders.synthetic.pose_file import track, write_pose
from slp_encoders.synthetic.signer import Signer
from slp_encoders.synthetic.skeleton import place
from slp_encoders.synthetic.video_file import write_video


@frozen
class Task:
    """What a sample is made from; nothing else influences it."""

    name: str
    sentence: Sentence
    signer: Signer
    seed: tuple[int, int]  #: the corpus's, and the sample's number
    folder: Path
    video: bool


def write_sample(task: Task) -> dict[str, str]:
    """Write the sample's files into its corpus folder and return its manifest row."""
    random = np.random.default_rng(task.seed)
    motion = perform(task.sentence, task.signer, random)
    points = place(motion, task.signer, random)
    pose, video = f"poses/{task.name}.pose", f"videos/{task.name}.mp4"
    write_pose(task.folder / pose, track(points, task.signer, random))
    if task.video:
        write_video(task.folder / video, points, task.signer)
    units, spans = task.sentence.units, motion.spans
    return {
        "id": task.name,
        "video": video,
        "pose": pose,
        "text": task.sentence.text,
        "text_de": task.sentence.text_de,
        "language": "en",
        "gloss": " ".join(task.sentence.glosses),
        "letters": " ".join(unit.letters for unit in units if isinstance(unit, Name)),
        "phonemes": " ".join(span.label for span in spans if span.kind == "mouthing"),
        "spans": json.dumps([asdict(span) for span in spans], separators=(",", ":")),
        "signer": task.signer.name,
        "handedness": "left" if task.signer.left_handed else "right",
        "frames": str(len(motion)),
    }
