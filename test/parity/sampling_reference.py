"""Log-probabilities of transformers' own warpers: python sampling_reference.py > ../fixtures/transformers/sampling.json

Applied in vLLM's order (temperature, min-p, top-k, nucleus). Logits are numbers that both languages make exactly; with
1500 of them, pairs tie."""
import json

import torch
from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

RULES = [
    {"temperature": 1, "topP": 1, "topK": 0, "minP": 0},
    {"temperature": 0.7, "topP": 0.9, "topK": 0, "minP": 0},
    {"temperature": 1.3, "topP": 0.5, "topK": 7, "minP": 0},
    {"temperature": 1, "topP": 1, "topK": 5, "minP": 0.2},
    {"temperature": 0.8, "topP": 1, "topK": 0, "minP": 0.05},
    {"temperature": 2.5, "topP": 0.8, "topK": 0, "minP": 0.3},
    {"temperature": 1.5, "topP": 0.6, "topK": 31, "minP": 0.1},
    {"temperature": 4, "topP": 0.999, "topK": 0, "minP": 0},
    {"temperature": 1, "topP": 1, "topK": 1000, "minP": 0},
]


def warped(size: int, rule: dict) -> dict:
    logits = torch.tensor([[((i * 7919) % 1009) / 100 for i in range(size)]], dtype=torch.float64)
    scores = TemperatureLogitsWarper(float(rule["temperature"]))(None, logits)
    if rule["minP"] > 0:
        scores = MinPLogitsWarper(rule["minP"])(None, scores)
    if rule["topK"] > 0:
        scores = TopKLogitsWarper(rule["topK"])(None, scores)
    if rule["topP"] < 1:
        scores = TopPLogitsWarper(rule["topP"])(None, scores)
    logprobs = scores.log_softmax(-1)[0]
    kept = [i for i in range(size) if logprobs[i] > -float("inf")]
    # The likeliest ten in full, of the rest what decides: how many there are.
    first = sorted(kept, key=lambda i: (-float(logprobs[i]), i))[:10]
    likeliest = [[i, round(float(logprobs[i]), 9)] for i in first]
    return {"size": size, "rule": rule, "kept": len(kept), "likeliest": likeliest}


print(json.dumps([warped(size, rule) for size in (200, 1500) for rule in RULES]))
