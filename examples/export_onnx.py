"""
ONNX: a pipeline that runs without Python
=========================================

Tumours, benign or malignant: a scaler and a network are fitted, exported to one ONNX
file, loaded by onnxruntime as a service would do it, and compared: the same labels, the
same probabilities, and the time of one row. Run it with

    python -m pip install "sk-mlp[onnx]" onnxruntime skl2onnx
    python examples/export_onnx.py
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import skl2onnx
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier
from sk_mlp.onnx import register_skl2onnx

data = load_breast_cancer()
diagnoses = data.target_names[data.target]  # strings: "benign", "malignant"
X_train, X_test, y_train, y_test = train_test_split(
    data.data, diagnoses, stratify=diagnoses, random_state=0
)

model = make_pipeline(
    StandardScaler(),
    MLPClassifier((32, 32), activation="mish", early_stopping=True, random_state=0),
)
model.fit(X_train, y_train)
print(f"{len(X_train)} rows to train on, {len(X_test)} to test with.")
print(f"Accuracy in scikit-learn: {model.score(X_test, y_test):.4f}")


def typical_time(function, n_runs=200):
    """Return the median time of a call, in microseconds."""
    times = []
    for _ in range(n_runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e6 * np.median(times)


register_skl2onnx()  # once: from now on skl2onnx knows our estimators
expected, labels = model.predict_proba(X_test), model.predict(X_test)
slow = typical_time(lambda: model.predict_proba(X_test[:1]))

print(f"\n{'':<14}{'file':>9}{'labels':>12}{'probabilities':>18}{'one row':>12}")
print(f"{'scikit-learn':<14}{slow:>48.0f} µs")
with tempfile.TemporaryDirectory() as directory:
    for dtype in (np.float32, np.float64):
        # The type of the rows that skl2onnx is shown is that of the model.
        rows = X_test.astype(dtype)
        exported = skl2onnx.to_onnx(
            model, rows[:1], options={"zipmap": False}, target_opset=17
        )
        path = Path(directory, "tumours.onnx")
        path.write_bytes(exported.SerializeToString())

        # What follows is all that a service needs: onnxruntime and the file.
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found_labels, found = session.run(["label", "probabilities"], {"X": rows})
        fast = typical_time(lambda s=session, r=rows[:1]: s.run(None, {"X": r}))

        n_same = int((found_labels == labels).sum())
        print(
            f"{np.dtype(dtype).name:<14}{path.stat().st_size / 1024:>6.1f} kB"
            f"{n_same:>5} of {len(labels)}{np.abs(found - expected).max():>11.0e} off"
            f"{fast:>15.0f} µs"
        )

given, (label, probabilities) = session.get_inputs()[0], session.get_outputs()
print(
    f"\nInput  {given.name}: {given.type}, {given.shape[1]} columns, any number of rows"
    f"\nOutput {label.name}: {label.type}"
    f"\nOutput {probabilities.name}: {probabilities.type}, one column for each of "
    f"{', '.join(model.classes_)}"
)
print("The first row:", found_labels[0], found[0].round(4))
