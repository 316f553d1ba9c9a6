"""Programs that read exports as a stranger would: they import neither the workbench nor its tests.

Each takes the folder of an export and a NumPy file of input ids, and writes its logits and the zeros that it
counts beside them.
"""

ONNX = """
import sys
import numpy as np, onnx, onnxruntime
from onnx import numpy_helper

folder, ids, out = sys.argv[1:]
ids = np.load(ids)
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
(logits,) = session.run(None, {i.name: feeds[i.name] for i in session.get_inputs()})
matrices = [numpy_helper.to_array(t) for t in onnx.load(f"{folder}/model.onnx").graph.initializer]
zeros = sum(m.size - np.count_nonzero(m) for m in matrices if m.ndim == 2 and (m == 0).mean() > 0.5)
np.savez(out, logits=logits, zeros=zeros)
assert not any(name.startswith("workbench") for name in sys.modules)
"""

NPZ = """
import json, sys
from pathlib import Path
import numpy as np, torch
from scipy import sparse
from transformers import AutoConfig, AutoModelForSequenceClassification

folder, ids, out = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
shapes = json.loads((folder / "shapes.json").read_text())
matrices = {name: sparse.load_npz(folder / "matrices" / f"{name}.npz") for name in shapes}
state = {name: torch.tensor(m.toarray()).reshape(shapes[name]) for name, m in matrices.items()}
state |= {name: torch.tensor(value) for name, value in np.load(folder / "rest.npz").items()}
model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder)).eval()
model.load_state_dict(state)
with torch.inference_mode():
    logits = model(input_ids=torch.tensor(np.load(ids))).logits.numpy()
zeros = sum(m.shape[0] * m.shape[1] - m.nnz for m in matrices.values())
np.savez(out, logits=logits, zeros=zeros)
assert not any(name.startswith("workbench") for name in sys.modules)
"""
